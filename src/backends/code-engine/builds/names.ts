import { createHash } from "node:crypto";
import type { Owner } from "../../backend.ts";
import { appName, type Maker, partName } from "../workloads/marks.ts";

/** Shorter than apps' names, since what belongs to one build has this and more in its own. */
const READABLE = 28;
const TAG_DIGITS = 12;

/** Pure. What the names of all builds of an owner begin with. */
export function buildsName(maker: Maker, owner: Pick<Owner, "uid" | "name">): string {
  return appName(maker, owner, READABLE);
}

/** Pure. Of the config map that says whose builds these are. */
export function recordName(builds: string): string {
  return `${builds}${RECORD}`;
}

/** Pure. Whether a config map may be such a record. */
export function mayBeRecord(name: string): boolean {
  return name.endsWith(RECORD);
}

const RECORD = "-builds";

/** Pure. Of a build and of its only run: the same for the same request, so that an answer that is lost leaves no second run. */
export function runName(builds: string, { key, attempt }: { readonly key: string; readonly attempt: number }): string {
  return partName(builds, "build", `${key}/${attempt}`);
}

/** Pure. Of the secret that pushes. An owner has one build at a time. */
export function pushSecretName(builds: string): string {
  return `${builds}-push`;
}

/** Pure. Of the secret that clones. */
export function sourceSecretName(builds: string): string {
  return `${builds}-source`;
}

/** Pure. Another tag for each key: a registry that tidies up takes what no tag names, and apps run by digest. */
export function tagOf(key: string): string {
  return `slipway-${createHash("sha256").update(key).digest("hex").slice(0, TAG_DIGITS)}`;
}
