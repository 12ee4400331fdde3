import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { kubeconfigPath, parseKubeconfig } from "../access/kubeconfig.ts";
import { RESTORE_PATH } from "../http/restore-request.ts";
import type { DirectoryInUse } from "../storage/data-directory.ts";
import type { RestoreSummary } from "../storage/restore.ts";
import { StoreRefused } from "../storage/store.ts";

/** A server builds and stores 50,000 objects in seconds; who waits longer does so for a very slow disk. */
const TIMEOUT_MS = 30 * 60_000;

export interface RunningRestore {
  readonly file: string;
  readonly dataDir: string;
  /** Why it is known that something runs there. */
  readonly inUse: DirectoryInUse;
}

/**
 * Has the server that runs on a data directory restore a backup, as that directory's admin.
 * @throws {StoreRefused} with the server's answer, or when there is none.
 */
export async function restoreRunning({ file, dataDir, inUse }: RunningRestore): Promise<RestoreSummary> {
  const { server, authority, token } = adminOf(dataDir, inUse);
  const response = await send(file, { url: new URL(RESTORE_PATH, server), authority, token }).catch((error: Error) => {
    throw new StoreRefused(`${inUse.message}; it was asked at ${server} to restore the backup: ${error.message}`, {
      cause: error,
    });
  });
  const answer = await text(response);
  if (response.statusCode !== 200) {
    throw new StoreRefused(`the server of ${dataDir} has not restored the backup: ${messageOf(response, answer)}`);
  }
  const { at, ...summary } = JSON.parse(answer) as RestoreSummary & { at: string };
  return { ...summary, at: new Date(at) };
}

function adminOf(dataDir: string, inUse: DirectoryInUse) {
  const path = kubeconfigPath(dataDir);
  // It starts, or another restore has the directory.
  if (!existsSync(path)) throw new StoreRefused(`${inUse.message}, or try again when it is ready`, { cause: inUse });
  const { cluster, token } = parseKubeconfig(readFileSync(path, "utf8"));
  if (!cluster || token === undefined)
    throw new StoreRefused(`${path} is not as the server wrote it; ${inUse.message}`);
  const authority = Buffer.from(cluster["certificate-authority-data"], "base64");
  return { server: cluster.server, authority, token };
}

/** Resolves to the answer, which may come before all is sent: then it is a refusal, and what follows it does not count. */
function send(
  file: string,
  { url, authority, token }: { url: URL; authority: Buffer; token: string },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      method: "POST",
      ca: authority,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/octet-stream",
        "content-length": statSync(file).size,
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    call.once("response", resolve);
    call.once("error", reject);
    pipeline(createReadStream(file), call).catch(reject);
  });
}

/** A server of an earlier release knows no such path. */
function messageOf({ statusCode }: IncomingMessage, answer: string): string {
  if (statusCode === 404) return "it is of an earlier release; stop it, and restore then";
  try {
    const { message } = JSON.parse(answer) as { message?: unknown };
    if (typeof message === "string") return message;
  } catch {
    // No Status: some proxy's answer, perhaps.
  }
  return `it answered ${statusCode}`;
}
