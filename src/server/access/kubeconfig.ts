import { randomBytes } from "node:crypto";
import { open, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import type { Clock } from "../../machinery/clock.ts";
import { syncDirectory } from "./private-file.ts";
import { superuserGroup } from "./rbac-authorizer.ts";
import { UserDirectory } from "./user-directory.ts";

/** Where a server is reached, in the words of a kubeconfig. */
export interface KubeconfigCluster {
  readonly server: string;
  /** The CA's certificate, PEM in base64. */
  readonly "certificate-authority-data": string;
}

/** A kubeconfig with one user, who logs in by a bearer token. */
export function formatKubeconfig(cluster: KubeconfigCluster, user: string, token: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "slipway", cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "slipway", context: { cluster: "slipway", user } }],
    "current-context": "slipway",
  });
}

/** Cluster and token of a kubeconfig as `formatKubeconfig` writes it; what is missing or of another shape is undefined. */
export function parseKubeconfig(text: string): { cluster: KubeconfigCluster | undefined; token: string | undefined } {
  const { clusters, users } = (parse(text) ?? {}) as {
    clusters?: { cluster?: Partial<KubeconfigCluster> }[];
    users?: { user?: { token?: unknown } }[];
  };
  const { server, "certificate-authority-data": authority } = clusters?.[0]?.cluster ?? {};
  const token = users?.[0]?.user?.token;
  return {
    cluster: server && authority ? { server, "certificate-authority-data": authority } : undefined,
    token: typeof token === "string" ? token : undefined,
  };
}

export function kubeconfigPath(dataDir: string): string {
  return join(dataDir, "kubeconfig");
}

const adminName = "system:admin";

/**
 * Writes `kubeconfig` of the data directory, for a user who may do everything. Its token stays from start to start, so
 * that copies go on working; without the file, or with a token that is not the admin's, there is a new one, and the
 * earlier one ends.
 */
export async function writeAdminKubeconfig(
  options: { dataDir: string; url: string; caPem: string },
  clock: Pick<Clock, "now">,
): Promise<void> {
  const { dataDir, url, caPem } = options;
  const file = kubeconfigPath(dataDir);
  const current = await readText(file);
  const token = await new UserDirectory(dataDir, clock).ensure(adminName, [superuserGroup], knownToken(current));
  const cluster = { server: url, "certificate-authority-data": Buffer.from(caPem).toString("base64") };
  const next = formatKubeconfig(cluster, adminName, token);
  if (next !== current) await replacePrivateFile(file, next);
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function knownToken(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : parseKubeconfig(text).token;
  } catch {
    // Not YAML, or of a shape of its own: the token in it, if any, counts as lost.
    return undefined;
  }
}

async function replacePrivateFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}
