/** What two API servers tell of themselves, as the one server in front of them tells it. */

interface Named {
  readonly metadata: { readonly name?: string };
}

/** `apidiscovery.k8s.io/v2`. */
export interface GroupDiscoveries {
  readonly items: readonly (Named & { readonly versions: readonly { readonly version: string }[] })[];
}

export interface GroupList {
  readonly groups: readonly { readonly name: string }[];
}

interface OpenApiV2 {
  readonly paths: object;
  readonly definitions: object;
}

interface OpenApiV3Index {
  readonly paths: object;
}

/** The groups of `core`, but for those that `custom` has too. */
export function mergedDiscoveries<T extends GroupDiscoveries>(core: T, custom: GroupDiscoveries): T {
  const names = new Set(custom.items.map(({ metadata }) => metadata.name));
  return { ...core, items: [...core.items.filter(({ metadata }) => !names.has(metadata.name)), ...custom.items] };
}

/** The same for the older list, which a server of custom resources leaves to whoever aggregates it. */
export function mergedGroups<T extends GroupList>(core: T, custom: GroupDiscoveries): T {
  const added = custom.items.map(({ metadata: { name = "" }, versions }) => {
    const found = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions: found, preferredVersion: found[0] };
  });
  const names = new Set(added.map(({ name }) => name));
  return { ...core, groups: [...core.groups.filter(({ name }) => !names.has(name)), ...added] };
}

export function mergedOpenApiV2<T extends OpenApiV2>(core: T, custom: OpenApiV2): T {
  return {
    ...core,
    paths: { ...core.paths, ...custom.paths },
    definitions: { ...core.definitions, ...custom.definitions },
  };
}

/** Of the documents, by path. */
export function mergedOpenApiV3<T extends OpenApiV3Index>(core: T, custom: OpenApiV3Index): T {
  return { ...core, paths: { ...core.paths, ...custom.paths } };
}
