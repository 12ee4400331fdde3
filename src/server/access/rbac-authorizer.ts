import type { Authorizer, Decision, RequestAttributes, UserInfo } from "./access.ts";
import { type BindingIndex, indexBindings, type RoleRules } from "./binding-index.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { PolicyRule, RbacObjects, RoleRef } from "./rbac.ts";
import { RuleTable } from "./rule-table.ts";

/** Who is in it may do everything, whatever the stored roles say: nobody can lock the owner out. */
export const superuserGroup = "system:masters";

/** Subjects whose rules are kept compiled. One more costs a few microseconds for the one that makes room. */
const compiledSubjects = 1024;
/** Longest key of a subject that is kept, in characters: a SubjectAccessReview may name any number of groups. */
const longestKey = 8 * 1024;

/**
 * Decides by the stored Roles and bindings, as kube-apiserver in mode RBAC does. All rules that apply to a subject are
 * compiled once and kept until any RBAC object changes; such a change takes effect with the next decision.
 */
export class RbacAuthorizer implements Authorizer, Disposable {
  readonly #objects: RbacObjects;
  readonly #subjects = new BoundedCache<string, SubjectRules>(compiledSubjects);
  readonly #stop: () => void;
  #index: BindingIndex | undefined;

  constructor(objects: RbacObjects) {
    this.#objects = objects;
    this.#stop = objects.onChange(() => {
      this.#index = undefined;
      this.#subjects.clear();
    });
  }

  authorize(user: UserInfo, attributes: RequestAttributes): Decision {
    // The words of kube-apiserver for this one are none.
    if (user.groups.includes(superuserGroup)) return { allowed: true, reason: "" };
    const { everywhere, byNamespace } = this.#rulesOf(user);
    const local = attributes.kind === "resource" ? byNamespace.get(attributes.namespace) : undefined;
    const source = everywhere.table.sourceOf(attributes) ?? local?.table.sourceOf(attributes);
    if (source !== undefined) return { allowed: true, reason: `RBAC: allowed by ${source}` };
    const errors = [...everywhere.errors, ...(local?.errors ?? [])];
    return { allowed: false, reason: errors.length > 0 ? `RBAC: ${aggregate(errors)}` : "" };
  }

  /** The rules that bindings give the user in `namespace`, those of the cluster first; "" for the latter alone. */
  rulesFor(user: UserInfo, namespace: string): { rules: readonly PolicyRule[]; error?: string } {
    const { everywhere, byNamespace } = this.#rulesOf(user);
    const local = byNamespace.get(namespace);
    const errors = [...everywhere.errors, ...(local?.errors ?? [])];
    return {
      rules: [...everywhere.table.rules, ...(local?.table.rules ?? [])],
      ...(errors.length > 0 && { error: aggregate(errors) }),
    };
  }

  /** What a binding in `bindingNamespace` ("" for a ClusterRoleBinding) to `roleRef` would give. */
  rulesOfRole(roleRef: RoleRef, bindingNamespace: string): RoleRules {
    return this.#currentIndex().rulesOf(roleRef, bindingNamespace);
  }

  /** Ends the subscription to changes; the authorizer is of no use afterwards. */
  [Symbol.dispose](): void {
    this.#stop();
  }

  #currentIndex(): BindingIndex {
    this.#index ??= indexBindings(this.#objects);
    return this.#index;
  }

  #rulesOf({ username, groups }: UserInfo): SubjectRules {
    const key = subjectKey(username, groups);
    const known = this.#subjects.get(key);
    if (known) return known;
    const compiled = compile(this.#currentIndex(), username, groups);
    if (key.length <= longestKey) this.#subjects.set(key, compiled);
    return compiled;
  }
}

/** Names may hold any character, so each stands with its length: no two subjects share a key. */
function subjectKey(username: string, groups: readonly string[]): string {
  let key = `${username.length}:${username}`;
  for (const group of groups) key += `${group.length}:${group}`;
  return key;
}

interface SubjectRules {
  readonly everywhere: ScopeRules;
  readonly byNamespace: ReadonlyMap<string, ScopeRules>;
}

interface ScopeRules {
  readonly table: RuleTable;
  /** Bindings to roles that do not exist, as a hint in refusals. */
  readonly errors: string[];
}

function compile(index: BindingIndex, username: string, groups: readonly string[]): SubjectRules {
  const everywhere: ScopeRules = { table: new RuleTable(), errors: [] };
  const byNamespace = new Map<string, ScopeRules>();
  for (const { roleRef, namespace, description } of index.bindingsOf(username, groups)) {
    let scope = everywhere;
    if (namespace !== "") {
      scope = byNamespace.get(namespace) ?? { table: new RuleTable(), errors: [] };
      byNamespace.set(namespace, scope);
    }
    const { rules, error } = index.rulesOf(roleRef, namespace);
    if (rules) scope.table.add(rules, description);
    else scope.errors.push(error.message);
  }
  return { everywhere, byNamespace };
}

/** Several errors as one text, in the form of apimachinery's `Aggregate`. */
function aggregate(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? distinct.join("") : `[${distinct.join(", ")}]`;
}
