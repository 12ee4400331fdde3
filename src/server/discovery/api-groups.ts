import { createHash } from "node:crypto";
import { apiVersionOf } from "../../api/meta.ts";
import type { GroupVersionContents, ResourceContents } from "./group-contents.ts";

/** Discovery as it was before aggregation: APIGroup and APIResourceList. */

export interface ApiGroup {
  readonly name: string;
  readonly versions: readonly GroupVersion[];
  readonly preferredVersion: GroupVersion;
}

interface GroupVersion {
  readonly groupVersion: string;
  readonly version: string;
}

/** The named groups; the core group is found at /api. */
export function apiGroups(contents: readonly GroupVersionContents[]): ApiGroup[] {
  const byGroup = new Map<string, GroupVersion[]>();
  for (const { group, version } of contents) {
    if (group === "") continue;
    const versions = byGroup.get(group) ?? [];
    versions.push({ groupVersion: `${group}/${version}`, version });
    byGroup.set(group, versions);
  }
  return [...byGroup].map(([name, versions]) => ({ name, versions, preferredVersion: versions[0] as GroupVersion }));
}

/** Undefined where the group version is not served. */
export function apiResources(
  contents: readonly GroupVersionContents[],
  group: string,
  version: string,
): object | undefined {
  const found = contents.find((candidate) => candidate.group === group && candidate.version === version);
  if (!found) return undefined;
  return {
    kind: "APIResourceList",
    // The core group's list comes without, since long ago.
    ...(group === "" ? {} : { apiVersion: "v1" }),
    groupVersion: apiVersionOf({ group, version }),
    resources: found.resources.flatMap(resourceEntries),
  };
}

function resourceEntries({ definition, verbs, subresources }: ResourceContents): object[] {
  const { plural, singular, namespaced, kind, shortNames, categories } = definition;
  const isStored = verbs.includes("get");
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(isStored ? { storageVersionHash: storageVersionHash(definition.group, definition.version, kind) } : {}),
  };
  const others = subresources.map(({ name, verbs: offered, otherKind }) => ({
    name: `${plural}/${name}`,
    singularName: "",
    namespaced,
    ...(otherKind ? { group: otherKind.group, version: otherKind.version } : {}),
    kind: otherKind?.kind ?? kind,
    verbs: offered,
  }));
  return [main, ...others];
}

/** Opaque: clients only compare it to notice a change of the stored version. */
function storageVersionHash(group: string, version: string, kind: string): string {
  return createHash("sha256").update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString("base64");
}
