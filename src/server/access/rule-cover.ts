import type { PolicyRule } from "./rbac.ts";
import { pathMatcher } from "./rule-table.ts";

/**
 * The parts of `wanted` that `held` does not give, each down to one verb on one resource. Names and wildcards count
 * literally: only a `*` covers a `*`. The algorithm is that of `k8s.io/component-helpers/auth/rbac/validation`.
 */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const owners = held.map(toOwner);
  return wanted.flatMap((rule) => [...breakDown(rule)].filter((part) => !owners.some((owner) => covers(owner, part))));
}

/** How many parts the rules break down into: the work, and in the worst case the memory, of `missingRules`. */
export function countParts(rules: readonly PolicyRule[]): number {
  return rules.reduce((sum, { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }) => {
    const named = Math.max(resourceNames.length, 1);
    return sum + verbs.length * (apiGroups.length * resources.length * named + nonResourceURLs.length);
  }, 0);
}

/** One verb on one resource (with at most one name), or on one path. */
interface Part extends PolicyRule {
  readonly verbs: readonly [string];
}

function* breakDown(rule: PolicyRule): Generator<Part> {
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part: Part = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (!rule.resourceNames?.length) yield part;
        for (const name of rule.resourceNames ?? []) yield { ...part, resourceNames: [name] };
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) yield { verbs: [verb], nonResourceURLs: [url] };
  }
}

interface Owner {
  readonly verbs: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly paths: readonly ((path: string) => boolean)[];
}

function toOwner(rule: PolicyRule): Owner {
  return {
    verbs: new Set(rule.verbs),
    groups: new Set(rule.apiGroups),
    resources: new Set(rule.resources),
    names: new Set(rule.resourceNames),
    paths: (rule.nonResourceURLs ?? []).map(pathMatcher),
  };
}

function covers(owner: Owner, part: Part): boolean {
  return (
    part.verbs.every((verb) => owner.verbs.has("*") || owner.verbs.has(verb)) &&
    (part.apiGroups ?? []).every((group) => owner.groups.has("*") || owner.groups.has(group)) &&
    (part.resources ?? []).every((resource) => coversResource(owner.resources, resource)) &&
    (owner.names.size === 0 || (!!part.resourceNames && part.resourceNames.every((name) => owner.names.has(name)))) &&
    (part.nonResourceURLs ?? []).every((url) => owner.paths.some((matches) => matches(url)))
  );
}

function coversResource(held: ReadonlySet<string>, resource: string): boolean {
  if (held.has("*") || held.has(resource)) return true;
  const slash = resource.indexOf("/");
  return slash >= 0 && held.has(`*${resource.slice(slash)}`);
}

/** Joins what differs in the verb alone, so that a message stays short. */
export function compactRules(parts: readonly PolicyRule[]): PolicyRule[] {
  const rest: PolicyRule[] = [];
  const byResource = new Map<string, PolicyRule & { verbs: string[] }>();
  for (const part of parts) {
    if (part.resourceNames?.length || part.nonResourceURLs?.length) {
      rest.push(part);
      continue;
    }
    const key = JSON.stringify([part.apiGroups, part.resources]);
    const known = byResource.get(key);
    if (known) known.verbs.push(...part.verbs);
    else byResource.set(key, { ...part, verbs: [...part.verbs] });
  }
  return [...rest, ...byResource.values()];
}

/** A rule as kube-apiserver prints it: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`. */
export function formatRule(rule: PolicyRule): string {
  const fields: [string, readonly string[] | undefined][] = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ];
  const shown = fields.flatMap(([name, values]) => (values?.length ? [`${name}:${formatStrings(values)}`] : []));
  return `{${shown.join(", ")}}`;
}

/** A list of strings as Go's `%q` prints it: `["a" "b"]`. */
export function formatStrings(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
