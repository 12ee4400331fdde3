import type { ResourceRegistry } from "../registry/resource-registry.ts";
import type { ResourceDefinition } from "../resource.ts";

/** One group version and what it serves, in the order of discovery. */
export interface GroupVersionContents {
  readonly group: string;
  readonly version: string;
  /** `api/v1`, `apis/apps/v1`. */
  readonly path: string;
  readonly isCustom: boolean;
  readonly resources: readonly ResourceContents[];
  readonly definitions: readonly ResourceDefinition[];
}

export interface ResourceContents {
  readonly definition: ResourceDefinition;
  readonly isCustom: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly SubresourceContents[];
}

export interface SubresourceContents {
  readonly name: string;
  readonly verbs: readonly string[];
  /** Where the body is of another kind than the object. */
  readonly otherKind?: { readonly group: string; readonly version: string; readonly kind: string };
}

/** Kubernetes' own groups come first, in its order of priority; custom ones follow by name. */
const GROUP_ORDER = [
  "",
  "apiregistration.k8s.io",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "networking.k8s.io",
  "rbac.authorization.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "coordination.k8s.io",
];

const SUBRESOURCE_VERBS = ["get", "patch", "update"];
const CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

export function describeGroups(registry: ResourceRegistry): GroupVersionContents[] {
  const found = new Map<string, { isCustom: boolean; resources: ResourceContents[] }>();
  const add = (resource: ResourceContents) => {
    const { group, version } = resource.definition;
    const entry = found.get(`${group}/${version}`) ?? { isCustom: resource.isCustom, resources: [] };
    entry.resources.push(resource);
    found.set(`${group}/${version}`, entry);
  };
  for (const { definition, isCustom } of registry.stored()) {
    const subresources = [...subresourcesOf(definition), ...virtualSubresources(registry, definition)];
    if (!isCustom) subresources.sort((a, b) => (a.name < b.name ? -1 : 1));
    const verbs = isCustom ? CUSTOM_VERBS : [...definition.verbs].sort();
    add({ definition, isCustom, verbs, subresources });
  }
  for (const { definition } of registry.virtual()) {
    add({ definition, isCustom: false, verbs: definition.verbs, subresources: [] });
  }
  return [...found.values()]
    .map(({ isCustom, resources }) => {
      resources.sort((a, b) => (a.definition.plural < b.definition.plural ? -1 : 1));
      const definitions = resources.map(({ definition }) => definition);
      const { group, version } = definitions[0] as ResourceDefinition;
      const path = group === "" ? `api/${version}` : `apis/${group}/${version}`;
      return { group, version, path, isCustom, resources, definitions };
    })
    .sort((a, b) => compareGroups(a.group, b.group) || compareVersions(a.version, b.version));
}

function subresourcesOf({ group, kind, subresources }: ResourceDefinition): SubresourceContents[] {
  const found: SubresourceContents[] = [];
  if (subresources.status) found.push({ name: "status", verbs: SUBRESOURCE_VERBS });
  if (subresources.scale) {
    found.push({
      name: "scale",
      verbs: SUBRESOURCE_VERBS,
      otherKind: { group: "autoscaling", version: "v1", kind: "Scale" },
    });
  }
  if (group === "" && kind === "Namespace") found.push({ name: "finalize", verbs: ["update"] });
  return found;
}

function virtualSubresources(
  registry: ResourceRegistry,
  { group, version, plural }: ResourceDefinition,
): SubresourceContents[] {
  return [...registry.subresources()]
    .filter(({ parent }) => parent.group === group && parent.version === version && parent.plural === plural)
    .map(({ subresource, definition }) => ({
      name: subresource,
      verbs: ["create"],
      otherKind: { group: definition.group, version: definition.version, kind: definition.kind },
    }));
}

function compareGroups(a: string, b: string): number {
  const rank = (group: string) => {
    const at = GROUP_ORDER.indexOf(group);
    return at < 0 ? GROUP_ORDER.length : at;
  };
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** `CompareKubeAwareVersionStrings`: v10, v2, v2beta1, v1alpha1, and then anything else by name. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0;
  return right.stability - left.stability || right.major - left.major || right.minor - left.minor;
}

const STABILITY = ["alpha", "beta", undefined];

function parseVersion(version: string): { stability: number; major: number; minor: number } | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return undefined;
  return { stability: STABILITY.indexOf(match[2]), major: Number(match[1]), minor: Number(match[3] ?? 0) };
}
