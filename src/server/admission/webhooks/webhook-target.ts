import type { WebhookClientConfig } from "./configuration.ts";
import type { Service } from "./service.ts";

/** Where a webhook is called. */
export interface WebhookTarget {
  /** Of the request, and what errors show. */
  readonly url: URL;
  /** Where to connect instead of the URL's host, for a service: that name is in no DNS. */
  readonly address?: { readonly host: string; readonly port: number };
  /** PEM; the system's roots where it is undefined. */
  readonly authorities?: string;
}

/** A webhook that cannot be called as it is configured. */
export class NoTarget extends Error {
  override readonly name = "NoTarget";
}

/**
 * Resolves a client configuration. A service must have an address that lies outside: there is no cluster network here,
 * so its clusterIP leads nowhere. @throws {NoTarget}
 */
export function resolveTarget(
  { url, service, caBundle }: WebhookClientConfig,
  find: (namespace: string, name: string) => Service | undefined,
): WebhookTarget {
  const authorities = caBundle ? { authorities: pemOf(caBundle) } : {};
  if (url !== undefined) return { url: new URL(url), ...authorities };
  if (service === undefined) throw new NoTarget("webhook configuration must have either service or URL");
  const { namespace, name, port } = service;
  const path = service.path ?? "/";
  return {
    url: new URL(`https://${name}.${namespace}.svc:${port}${path.startsWith("/") ? path : `/${path}`}`),
    address: { host: addressOf(find(namespace, name), name), port },
    ...authorities,
  };
}

function pemOf(caBundle: string): string {
  const pem = Buffer.from(caBundle, "base64").toString("utf8");
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  throw new NoTarget("could not get REST client: unable to load root certificates: unable to parse bytes as PEM block");
}

function addressOf(service: Service | undefined, name: string): string {
  if (service === undefined) throw new NoTarget(`service ${JSON.stringify(name)} not found`);
  const { externalName, externalIPs = [] } = service.spec ?? {};
  if (service.spec?.type === "ExternalName" && externalName) return externalName;
  const [entry] = service.status?.loadBalancer?.ingress ?? [];
  const address = externalIPs[0] ?? entry?.ip ?? entry?.hostname;
  if (address) return address;
  throw new NoTarget(
    `service ${JSON.stringify(name)} has no address that this server can reach: it needs spec.externalName, spec.externalIPs or an entry in status.loadBalancer.ingress; or give clientConfig.url`,
  );
}
