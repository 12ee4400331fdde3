import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { TransientError } from "../../../machinery/errors.ts";
import type { ProcessUser } from "./process-spec.ts";
import { systemCode } from "./system-error.ts";

/** Ids from `first` to `last`, both included. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Ids that systemd's survey of them calls unused. By chance out of the first, two Slipways of one machine do not meet; only the
 * second fits into the 65536 that a container with a user namespace has.
 * @see https://systemd.io/UIDS-GIDS/
 */
export const UNUSED_IDS: readonly IdRange[] = [
  { first: 1_879_048_192, last: 2_147_483_646 },
  { first: 60_578, last: 61_183 },
];

/** Pure. The ids in a file of the form of passwd(5) or group(5). */
export function idsIn(passwd: string): ReadonlySet<number> {
  return new Set(passwd.split("\n").map((line) => Number.parseInt(line.split(":")[2] ?? "", 10)));
}

/** Pure. Whether the ids exist in a user namespace of these maps, as `/proc/self/uid_map` shows them. */
export function isMapped({ first, last }: IdRange, map: string): boolean {
  return map.split("\n").some((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return first >= inside && last < inside + count;
  });
}

/** How often another one is tried where one is somebody's. */
const TRIES = 10_000;

/**
 * A user of its own for a workload, not of `taken` and none of this machine's.
 * @throws {TransientError} `QuotaExceeded` when none is found.
 */
export async function ownUser(taken: ReadonlySet<number>): Promise<ProcessUser> {
  const maps = await Promise.all(["/proc/self/uid_map", "/proc/self/gid_map"].map(textOf));
  const known = (await Promise.all(["/etc/passwd", "/etc/group"].map(textOf))).map(idsIn);
  const range = UNUSED_IDS.find((one) => maps.every((map) => isMapped(one, map)));
  for (let tries = 0; range && tries < TRIES; tries++) {
    const id = randomInt(range.first, range.last + 1);
    if (!taken.has(id) && !known.some((ids) => ids.has(id))) return { uid: id, gid: id };
  }
  const why = range ? "all that are kept for it are taken" : "this user namespace has none of the unused ones";
  throw new TransientError("QuotaExceeded", `no user is free for another process: ${why}`);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  }
}
