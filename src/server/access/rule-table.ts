import type { RequestAttributes } from "./access.ts";
import type { PolicyRule } from "./rbac.ts";

const everything = "*";

/**
 * Rules of one subject, arranged so that a decision touches only the rules that name the resource. The size grows
 * with the length of the rules, not with the product of their lists: a role of 10,000 verbs times 10,000 resources
 * stays harmless.
 */
export class RuleTable {
  /** By resource as rules write it: `pods`, `pods/log`, `*`, and a star with a subresource. */
  readonly #byResource = new Map<string, Granted[]>();
  readonly #paths: Granted[] = [];
  readonly #rules: PolicyRule[] = [];

  /** `source` describes the binding that grants `rules`, for the reason of a decision. */
  add(rules: readonly PolicyRule[], source: string): void {
    for (const rule of rules) {
      const granted = { rule: compiled(rule), source };
      this.#rules.push(rule);
      if (granted.rule.paths.length > 0) this.#paths.push(granted);
      for (const resource of granted.rule.resources) {
        const known = this.#byResource.get(resource);
        if (known) known.push(granted);
        else this.#byResource.set(resource, [granted]);
      }
    }
  }

  /** Every rule, in the order it was added. */
  get rules(): readonly PolicyRule[] {
    return this.#rules;
  }

  /** What grants the request, or undefined. */
  sourceOf(attributes: RequestAttributes): string | undefined {
    if (attributes.kind === "path") {
      const { verb, path } = attributes;
      return this.#paths.find(({ rule }) => has(rule.verbs, verb) && rule.paths.some((covers) => covers(path)))?.source;
    }
    const { resource, subresource } = attributes;
    return (
      this.#granting(subresource === "" ? resource : `${resource}/${subresource}`, attributes) ??
      this.#granting(everything, attributes) ??
      (subresource === "" ? undefined : this.#granting(`*/${subresource}`, attributes))
    );
  }

  #granting(resource: string, { verb, group, name }: RequestAttributes & { kind: "resource" }): string | undefined {
    return this.#byResource
      .get(resource)
      ?.find(({ rule }) => has(rule.verbs, verb) && has(rule.groups, group) && (rule.names?.has(name) ?? true))?.source;
  }
}

interface Granted {
  readonly rule: CompiledRule;
  readonly source: string;
}

interface CompiledRule {
  readonly resources: ReadonlySet<string>;
  readonly verbs: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  /** Undefined: every name, and requests without one. */
  readonly names: ReadonlySet<string> | undefined;
  readonly paths: readonly ((path: string) => boolean)[];
}

/** A role is bound many times, and its rules never change in place. */
const compiledRules = new WeakMap<PolicyRule, CompiledRule>();

function compiled(rule: PolicyRule): CompiledRule {
  const known = compiledRules.get(rule);
  if (known) return known;
  const fresh: CompiledRule = {
    resources: new Set(rule.resources),
    verbs: new Set(rule.verbs),
    groups: new Set(rule.apiGroups),
    names: rule.resourceNames?.length ? new Set(rule.resourceNames) : undefined,
    paths: (rule.nonResourceURLs ?? []).map(pathMatcher),
  };
  compiledRules.set(rule, fresh);
  return fresh;
}

function has(values: ReadonlySet<string>, value: string): boolean {
  return values.has(value) || values.has(everything);
}

/** Tells which paths an entry of `nonResourceURLs` covers: itself, and with a `*` at its end all that begin so. */
export function pathMatcher(pattern: string): (path: string) => boolean {
  if (!pattern.endsWith(everything)) return (path) => path === pattern;
  let length = pattern.length;
  while (length > 0 && pattern[length - 1] === everything) length--;
  const prefix = pattern.slice(0, length);
  return (path) => path.startsWith(prefix);
}
