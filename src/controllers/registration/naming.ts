import { createHash } from "node:crypto";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";

/** Of every entry that Slipway made, whichever. */
const COMMON_TAG = "slipway";

/**
 * Pure. What an entry is called: `namespace.name`, which becomes part of its tools' names. Gateways tell names apart by a
 * slug in which dots and hyphens are the same, so a name that has either of its own gets a digest: `team-a.files` of one
 * namespace and `team.a-files` of another must not meet.
 */
export function entryName({ metadata: { namespace = "", name } }: RuntimeDeployment): string {
  const plain = `${namespace}.${name}`;
  if (!/[-.]/.test(namespace) && !/[-.]/.test(name)) return plain;
  return `${plain}.${createHash("sha256").update(`${namespace}/${name}`).digest("hex").slice(0, 8)}`;
}

/** Pure. By which an entry is found to be this deployment's: lower case, digits, hyphens and colons, 48 characters. */
export function ownerTag({ metadata: { uid } }: RuntimeDeployment): string {
  return `slipway:uid:${uid}`;
}

/** Pure. All tags of its entry, the owner's first. */
export function entryTags(deployment: RuntimeDeployment, further: readonly string[] = []): string[] {
  return [...new Set([ownerTag(deployment), COMMON_TAG, ...further])];
}
