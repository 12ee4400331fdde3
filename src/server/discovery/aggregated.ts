import type { GroupVersionContents, ResourceContents } from "./group-contents.ts";

/** `apidiscovery.k8s.io/v2`: all groups, versions and resources in one answer. */
export function aggregatedGroups(contents: readonly GroupVersionContents[]): object[] {
  const groups = new Map<string, object[]>();
  for (const { group, version, isCustom, resources } of contents) {
    const versions = groups.get(group) ?? [];
    versions.push({
      version,
      resources: resources.map((resource) =>
        describe(resource, isCustom ? { group, version } : { group: "", version: "" }),
      ),
      freshness: "Current",
    });
    groups.set(group, versions);
  }
  return [...groups].map(([name, versions]) => ({ metadata: name === "" ? {} : { name }, versions }));
}

/** Built-in kinds say nothing of their group and version here; custom ones do. */
function describe(
  { definition, verbs, subresources }: ResourceContents,
  own: { group: string; version: string },
): object {
  const { plural, singular, namespaced, kind, shortNames, categories } = definition;
  return {
    resource: plural,
    responseKind: { ...own, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(subresources.length === 0
      ? {}
      : {
          subresources: subresources.map(({ name, verbs: offered, otherKind }) => ({
            subresource: name,
            responseKind: otherKind ?? { ...own, kind },
            verbs: offered,
          })),
        }),
  };
}
