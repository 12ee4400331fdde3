import { createHash } from "node:crypto";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";

/** Of every entry that Slipway made, whichever. */
const COMMON_TAG = "slipway";
const OWNER_TAG = "slipway:uid:";
/** ContextForge drops longer ones without a word. */
const LONGEST_TAG = 50;

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
  return `${OWNER_TAG}${uid}`;
}

/** Pure. By which McpGateway it was made: two of them may lead to the same place. A name that is too long is a digest. */
export function gatewayTag(gateway: string): string {
  const tag = `slipway:gateway:${gateway}`;
  if (tag.length <= LONGEST_TAG) return tag;
  return `slipway:gateway:${createHash("sha256").update(gateway).digest("hex").slice(0, 16)}`;
}

/** Pure. All tags of its entry. */
export function entryTags(deployment: RuntimeDeployment, gateway: string, further: readonly string[] = []): string[] {
  return [...new Set([ownerTag(deployment), gatewayTag(gateway), COMMON_TAG, ...further])];
}

/** Pure. Whether an entry is the one that was made for a deployment by way of an McpGateway. */
export function isOwn(deployment: RuntimeDeployment, gateway: string): (entry: { tags: readonly string[] }) => boolean {
  const own = [ownerTag(deployment), gatewayTag(gateway)];
  return ({ tags }) => own.every((tag) => tags.includes(tag));
}

/** Pure. Whether an entry says that it was made for another deployment, whatever a status says of it. */
export function isAnothers(deployment: RuntimeDeployment): (entry: { tags: readonly string[] }) => boolean {
  const own = ownerTag(deployment);
  return ({ tags }) => tags.some((tag) => tag.startsWith(OWNER_TAG) && tag !== own);
}
