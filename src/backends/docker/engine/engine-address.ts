import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";

/** Where an Engine listens. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly text: string; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly text: string;
      readonly host: string;
      readonly port: number;
      readonly tls: boolean;
    };

/** PEM contents of the Secret that `tlsSecretRef` names. */
export interface EngineTls {
  readonly ca: string | undefined;
  readonly cert: string;
  readonly key: string;
}

/** Ports that the Engine's documentation gives to plain and to TLS connections. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

/**
 * Reads `spec.docker.host`. Whoever can talk to an Engine is root on its machine, so a connection that leaves this
 * machine has to be mutual TLS.
 * @throws {TerminalError} `InvalidSpec`
 */
export function parseEngineAddress(host: string, tls: EngineTls | undefined): EngineAddress {
  if (host.startsWith("unix://")) {
    const path = host.slice("unix://".length);
    if (path.startsWith("/")) return { kind: "unix", text: host, path };
    throw invalid(host, "a socket needs an absolute path, for example unix:///var/run/docker.sock");
  }
  const secure = host.startsWith("https://");
  // As a URL of https, one that says port 443 would say no port.
  const url = URL.parse(secure ? host.replace("https:", "tcp:") : host);
  if (url?.protocol !== "tcp:" || !url.hostname) throw invalid(host, "write unix:///path or tcp://host:port");
  if ((url.pathname !== "" && url.pathname !== "/") || url.search || url.username)
    throw invalid(host, "only a host and a port may follow tcp://");
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const encrypted = tls !== undefined || secure;
  if (!encrypted && !isLoopback(hostname))
    throw invalid(host, "an Engine on another machine needs tlsSecretRef: its API gives root to whoever reaches it");
  const port = url.port === "" ? (encrypted ? TLS_PORT : PLAIN_PORT) : Number(url.port);
  return { kind: "tcp", text: host, host: hostname, port, tls: encrypted };
}

/** Whether a host name or address (without brackets) means this very machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function invalid(host: string, remedy: string): TerminalError {
  return new TerminalError(Reason.InvalidSpec, `spec.docker.host: ${JSON.stringify(host)}: ${remedy}`);
}
