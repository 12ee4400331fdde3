import { readFile } from "node:fs/promises";
import type { Agent, RequestOptions } from "node:https";
import type { User } from "@kubernetes/client-node/dist/config_types.js";
import { ExecAuth } from "@kubernetes/client-node/dist/exec_auth.js";
import { FileAuth } from "@kubernetes/client-node/dist/file_auth.js";
import type { KubeTarget } from "./kubeconfig.ts";

/** What a request needs to be let in: headers, and the material of the TLS connection. */
export interface Credentials {
  /** A list is a header of its own for each. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly tls: TlsMaterial;
  /** Set where the kubeconfig names a proxy; every connection goes through it. */
  readonly proxyAgent?: Agent;
}

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Answers the credentials of the moment; they rotate under way. */
export interface CredentialSource {
  /** Concurrent calls share one reading, so that a slow exec plugin runs once. */
  current(): Promise<Credentials>;
  /** Reads everything anew at the next call: the server refused what `current` gave. */
  renew(): void;
}

/**
 * How long what was read is used. Kubelet replaces a projected token at 80 % of its life; client-go reads it once a
 * minute. Two small files in ten seconds cost nothing, and a rotated certificate is noticed as soon as a token.
 */
const REREAD_AFTER_MS = 10_000;

/** Reads tokens, certificates and exec plugins through the client library's authenticators. */
export function createCredentialSource(target: KubeTarget, monotonicMs: () => number): CredentialSource {
  let reader = createReader(target);
  let reading: Promise<Credentials> | undefined;
  let expiresAtMs = 0;
  return {
    current() {
      if (reading && monotonicMs() < expiresAtMs) return reading;
      const started = reader();
      reading = started;
      expiresAtMs = Number.POSITIVE_INFINITY;
      started.then(
        () => {
          if (reading === started) expiresAtMs = monotonicMs() + REREAD_AFTER_MS;
        },
        () => {
          if (reading === started) reading = undefined;
        },
      );
      return started;
    },
    renew() {
      reader = createReader(target);
      // A reading under way stays shared: an exec plugin that hangs must not be started again and again.
      if (Number.isFinite(expiresAtMs)) expiresAtMs = 0;
    },
  };
}

function createReader(target: KubeTarget): () => Promise<Credentials> {
  const { cluster, user } = target;
  const exec = new ExecAuth();
  const file = new FileAuth();
  if (cluster.proxyUrl || (user.authProvider && !file.isAuthProvider(user) && !exec.isAuthProvider(user))) {
    return libraryReader(target);
  }
  return async () => {
    const options: RequestOptions = { headers: {} };
    if (exec.isAuthProvider(user)) await exec.applyAuthentication(withExecInfo(user), options);
    else if (file.isAuthProvider(user)) await new FileAuth().applyAuthentication(user, options);
    return {
      headers: headersOf(target, options),
      tls: {
        ...(await material("ca", cluster.caFile, cluster.caData)),
        ...(await material("cert", user.certFile, user.certData)),
        ...(await material("key", user.keyFile, user.keyData)),
        // What an exec plugin returns is PEM text.
        ...(typeof options.cert === "string" ? { cert: options.cert } : {}),
        ...(typeof options.key === "string" ? { key: options.key } : {}),
        ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
        ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
      },
    };
  };
}

/** Proxies and the rarer providers (OIDC, cloud SDKs) are worth the price of the whole library, but only to their users. */
function libraryReader(target: KubeTarget): () => Promise<Credentials> {
  const loading = import("@kubernetes/client-node/dist/config.js").then(({ KubeConfig }) => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(target.cluster, target.user);
    return config;
  });
  return async () => {
    const options: RequestOptions = {};
    await (await loading).applyToHTTPSOptions(options);
    return fromLibrary(target, options);
  };
}

function fromLibrary(target: KubeTarget, options: RequestOptions): Credentials {
  const { ca, cert, key, servername, rejectUnauthorized, agent } = options;
  return {
    headers: headersOf(target, options),
    tls: {
      ...(Buffer.isBuffer(ca) ? { ca } : {}),
      ...(Buffer.isBuffer(cert) || typeof cert === "string" ? { cert } : {}),
      ...(Buffer.isBuffer(key) || typeof key === "string" ? { key } : {}),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
    ...(target.cluster.proxyUrl && typeof agent === "object" ? { proxyAgent: agent as Agent } : {}),
  };
}

/** Plugins learn the version of their protocol, and that nobody sits before them, from KUBERNETES_EXEC_INFO. */
function withExecInfo(user: User): User {
  if (!user.exec) return user;
  const info = { apiVersion: user.exec.apiVersion, kind: "ExecCredential", spec: { interactive: false } };
  const env = [...(user.exec.env ?? []), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }];
  return { ...user, exec: { ...user.exec, env } };
}

function headersOf({ user }: KubeTarget, { headers }: RequestOptions): Credentials["headers"] {
  const result: Record<string, string | string[]> = {};
  if (user.username) {
    result.Authorization = `Basic ${Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64")}`;
  }
  for (const [name, value] of Object.entries(headers ?? {})) {
    // A token file may end in a line break, which no header may.
    if (typeof value === "string") result[name] = value.trim();
  }
  if (user.token) result.Authorization = `Bearer ${user.token.trim()}`;
  if (user.impersonateUser) result["Impersonate-User"] = user.impersonateUser;
  if (user.impersonateGroups?.length) result["Impersonate-Group"] = [...user.impersonateGroups];
  return result;
}

async function material<Name extends "ca" | "cert" | "key">(
  name: Name,
  file: string | undefined,
  base64: string | undefined,
): Promise<{ [K in Name]?: Buffer }> {
  // One literal key, which a computed name hides from the compiler.
  const entry = (value: Buffer) => ({ [name]: value }) as { [K in Name]?: Buffer };
  if (file) return entry(await readFile(file));
  return base64 ? entry(Buffer.from(base64, "base64")) : {};
}
