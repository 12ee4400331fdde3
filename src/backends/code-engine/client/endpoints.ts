import { CodeEngineError } from "./errors.ts";

/** Where each service listens, without trailing slash. */
export interface Endpoints {
  /** Code Engine's API, `…/v2`. */
  readonly api: string;
  /** Issues tokens, below `/identity/token`. */
  readonly iam: string;
  /** Kubernetes' API as Code Engine lets its users see it. */
  readonly proxy: string;
}

/** Where an IBM Cloud Logs instance answers. */
export interface LogsInstance {
  /** The GUID of the instance. */
  readonly instanceId: string;
  /** In place of the region of the project. */
  readonly region?: string;
  /** In place of IBM's address: https, or http on this machine. */
  readonly override?: string;
}

/** Which IBM Cloud Monitoring instance is asked, and where. */
export interface MonitoringInstance {
  /** The GUID of the instance. */
  readonly instanceId: string;
  /** In place of IBM's address, with the prefix of its paths if there is one: https, or http on this machine. */
  readonly override?: string;
}

export interface EndpointOptions {
  /** For example `us-south`. */
  readonly region: string;
  /** Through IBM's private network, which only reaches those who are connected to it. */
  readonly privateNetwork?: boolean;
  /** In place of IBM's: https, or http on this machine. */
  readonly overrides?: Partial<Endpoints>;
}

/** A region becomes part of a host name that receives the token, so nothing but a word may stand there. */
const REGION = /^[a-z]{2}-[a-z]{2,10}$/;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The proxy has no private address that IBM documents, so that one stays public unless it is overridden.
 * @throws {CodeEngineError} for a region that cannot be one and for an address that must not receive a token.
 */
export function endpointsFor({ region, privateNetwork = false, overrides = {} }: EndpointOptions): Endpoints {
  checkRegion(region);
  const { api, iam, proxy } = overrides;
  return {
    api: checkedUrl(api ?? `https://api.${privateNetwork ? "private." : ""}${region}.codeengine.cloud.ibm.com/v2`),
    iam: checkedUrl(iam ?? `https://${privateNetwork ? "private." : ""}iam.cloud.ibm.com`),
    proxy: checkedUrl(proxy ?? `https://proxy.${region}.codeengine.cloud.ibm.com`),
  };
}

/** @throws {CodeEngineError} as `endpointsFor`, and for an instance that is no GUID. */
export function logsEndpoint(instance: LogsInstance, { region, privateNetwork = false }: EndpointOptions): string {
  const { instanceId, override } = instance;
  const place = instance.region ?? region;
  checkRegion(place);
  if (!GUID.test(instanceId)) throw refused("the IBM Cloud Logs instance is named by its GUID, in lower case");
  const network = privateNetwork ? "api.private" : "api";
  return checkedUrl(override ?? `https://${instanceId}.${network}.${place}.logs.cloud.ibm.com`);
}

/** Without the path of the query. @throws {CodeEngineError} as `endpointsFor`, and for an instance that is no GUID. */
export function monitoringEndpoint(
  { instanceId, override }: MonitoringInstance,
  { region, privateNetwork = false }: EndpointOptions,
): string {
  checkRegion(region);
  if (!GUID.test(instanceId)) throw refused("the IBM Cloud Monitoring instance is named by its GUID, in lower case");
  return checkedUrl(override ?? `https://${privateNetwork ? "private." : ""}${region}.monitoring.cloud.ibm.com`);
}

function checkRegion(region: string): void {
  if (!REGION.test(region)) throw refused(`region ${JSON.stringify(region)} is none: it looks like us-south or eu-de`);
}

/** @throws {CodeEngineError} unless `address` is https, or http to this machine, and nothing but an address. */
function checkedUrl(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url) throw refused("an endpoint is no URL");
  if (url.username || url.password || url.search || url.hash)
    throw refused(`an endpoint must be an address only, without user, query or fragment: ${url.host}`);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(address)))
    throw refused(`${url.origin} must be https: only on this machine may a token travel by http`);
  return url.href.replace(/\/+$/, "");
}

/** Whether what listens at `address` is on this machine. */
export function isLoopback(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function refused(said: string): CodeEngineError {
  return new CodeEngineError({ kind: "terminal", service: "The client", operation: "use these endpoints", said });
}
