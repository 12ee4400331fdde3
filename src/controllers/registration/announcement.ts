import { createHmac } from "node:crypto";
import type { McpGateway, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { canonicalJson } from "../../effective-spec/canonical-json.ts";
import type { Announcement, Entry, ExternalGateway } from "./external-gateway.ts";
import { entryName, entryTags } from "./naming.ts";

/** Pure. What a gateway is to be told of a deployment that clients reach at `url`. */
export function announcementOf(
  deployment: RuntimeDeployment,
  { metadata, spec }: McpGateway,
  { url, token }: { url: string; token: string | undefined },
): Announcement {
  const { namespace, name } = deployment.metadata;
  return {
    name: entryName(deployment),
    description: `RuntimeDeployment ${namespace}/${name}, kept by Slipway`,
    url: seenFrom(spec.serverBaseUrl, url),
    // Slipway's gateway passes legacy SSE on as it is; everything else it has on streamable HTTP.
    transport: deployment.spec.transport?.type === "sse" ? "sse" : "streamable-http",
    tags: entryTags(deployment, metadata.name, spec.tags),
    visibility: spec.visibility,
    teamId: spec.teamId,
    refreshIntervalSeconds: spec.refreshIntervalSeconds,
    token,
  };
}

/** The URL as it is called from elsewhere: another beginning, the same path. */
function seenFrom(base: string | undefined, url: string): string {
  if (base === undefined) return url;
  const { pathname, search } = new URL(url);
  return `${base.replace(/\/+$/, "")}${pathname}${search}`;
}

/** Pure. Changes with anything that is announced; it gives the token away to nobody who lacks the key. */
export function digestOf(announcement: Announcement, key: Uint8Array): string {
  return createHmac("sha256", key)
    .update(`registration\n${canonicalJson({ ...announcement })}`)
    .digest("hex")
    .slice(0, 32);
}

/** Pure. Whether an entry of somebody else keeps one from being made: names and URLs are unique among those of one scope. */
export function isRival(entry: Entry, announcement: Announcement, gateway: ExternalGateway): boolean {
  const { name, url, visibility, teamId } = announcement;
  if (entry.visibility !== undefined && entry.visibility !== visibility) return false;
  if (visibility === "team" && entry.teamId !== undefined && entry.teamId !== teamId) return false;
  return gateway.isSameName(entry.name, name) || gateway.isSameUrl(entry.url, url);
}

/** Pure. Whether somebody has changed an entry there, as far as an entry shows it. Further tags are theirs to set. */
export function hasDrifted(entry: Entry, announcement: Announcement, gateway: ExternalGateway): boolean {
  const { name, url, transport, tags, visibility, teamId } = announcement;
  return (
    !gateway.isSameName(entry.name, name) ||
    !gateway.isSameUrl(entry.url, url) ||
    entry.transport !== transport ||
    tags.some((tag) => !entry.tags.includes(tag)) ||
    (entry.visibility !== undefined && entry.visibility !== visibility) ||
    (teamId !== undefined && entry.teamId !== undefined && entry.teamId !== teamId)
  );
}
