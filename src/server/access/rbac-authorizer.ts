import type { Authorizer, Decision, RequestAttributes, UserInfo } from "./access.ts";
import { type BindingIndex, type Grant, indexBindings, type RoleRules } from "./binding-index.ts";
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
 * Decides by the stored Roles and bindings, as kube-apiserver in mode RBAC does. A subject's rules in a namespace are
 * compiled when first asked for and kept until any RBAC object changes, which takes effect with the next decision.
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
    const scopes = this.#scopesOf(user, attributes.kind === "resource" ? attributes.namespace : "");
    for (const { table } of scopes) {
      const source = table.sourceOf(attributes);
      if (source !== undefined) return { allowed: true, reason: `RBAC: allowed by ${source}` };
    }
    const errors = scopes.flatMap((scope) => scope.errors);
    return { allowed: false, reason: errors.length > 0 ? `RBAC: ${aggregate(errors)}` : "" };
  }

  /** The rules that bindings give the user in `namespace`, those of the cluster first; "" for the latter alone. */
  rulesFor(user: UserInfo, namespace: string): { rules: readonly PolicyRule[]; error?: string } {
    const scopes = this.#scopesOf(user, namespace);
    const errors = scopes.flatMap((scope) => scope.errors);
    return {
      rules: scopes.flatMap(({ table }) => table.rules),
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

  #scopesOf(user: UserInfo, namespace: string): ScopeRules[] {
    const subject = this.#subjectOf(user);
    const scopes = [subject.in(""), namespace === "" ? undefined : subject.in(namespace)];
    return scopes.filter((scope) => scope !== undefined);
  }

  #subjectOf({ username, groups }: UserInfo): SubjectRules {
    const key = subjectKey(username, groups);
    const known = this.#subjects.get(key);
    if (known) return known;
    const rules = new SubjectRules(this.#currentIndex(), username, groups);
    if (key.length <= longestKey) this.#subjects.set(key, rules);
    return rules;
  }
}

/** Names may hold any character, so each stands with its length: no two subjects share a key. */
function subjectKey(username: string, groups: readonly string[]): string {
  let key = `${username.length}:${username}`;
  for (const group of groups) key += `${group.length}:${group}`;
  return key;
}

interface ScopeRules {
  readonly table: RuleTable;
  /** Bindings to roles that do not exist, as a hint in refusals. */
  readonly errors: readonly string[];
}

/** The rules of one subject, compiled for each namespace when it is first asked about. */
class SubjectRules {
  readonly #index: BindingIndex;
  readonly #grants: ReadonlyMap<string, readonly Grant[]>;
  readonly #scopes = new Map<string, ScopeRules>();

  constructor(index: BindingIndex, username: string, groups: readonly string[]) {
    this.#index = index;
    this.#grants = Map.groupBy(index.bindingsOf(username, groups), ({ namespace }) => namespace);
  }

  /** What bindings in `namespace` give, or with "" those of the cluster. Undefined where there are none. */
  in(namespace: string): ScopeRules | undefined {
    const known = this.#scopes.get(namespace);
    if (known) return known;
    const grants = this.#grants.get(namespace);
    if (!grants) return undefined;
    const scope = compile(this.#index, grants);
    this.#scopes.set(namespace, scope);
    return scope;
  }
}

function compile(index: BindingIndex, grants: readonly Grant[]): ScopeRules {
  const table = new RuleTable();
  const errors: string[] = [];
  for (const { roleRef, namespace, description } of grants) {
    const { rules, error } = index.rulesOf(roleRef, namespace);
    if (rules) table.add(rules, description);
    else errors.push(error.message);
  }
  return { table, errors };
}

/** Several errors as one text, in the form of apimachinery's `Aggregate`. */
function aggregate(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? distinct.join("") : `[${distinct.join(", ")}]`;
}
