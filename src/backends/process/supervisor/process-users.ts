import { readFile } from "node:fs/promises";
import { TransientError } from "../../../machinery/errors.ts";
import type { ProcessUser } from "./process-spec.ts";
import { systemCode } from "./system-error.ts";

/**
 * Ids that systemd's survey of them calls unused, and that fit into the 65536 that a container usually has.
 * @see https://systemd.io/UIDS-GIDS/
 */
export const OWN_USERS = { first: 60_600, last: 61_183 } as const;

/** Pure. The ids in a file of the form of passwd(5) or group(5). */
export function idsIn(passwd: string): ReadonlySet<number> {
  return new Set(passwd.split("\n").map((line) => Number(line.split(":")[2] ?? Number.NaN)));
}

/**
 * A user of its own for a workload: neither another workload's nor somebody's on this machine.
 * @throws {TransientError} `QuotaExceeded` when all are taken.
 */
export async function ownUser(taken: ReadonlySet<number>): Promise<ProcessUser> {
  const known = (await Promise.all(["/etc/passwd", "/etc/group"].map(textOf))).map(idsIn);
  for (let id = OWN_USERS.first; id <= OWN_USERS.last; id++) {
    if (!taken.has(id) && !known.some((ids) => ids.has(id))) return { uid: id, gid: id };
  }
  const most = OWN_USERS.last - OWN_USERS.first + 1;
  throw new TransientError(
    "QuotaExceeded",
    `no user is free for another process: at most ${most} can run; delete some`,
  );
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  }
}
