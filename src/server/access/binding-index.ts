import { type Binding, type PolicyRule, type RbacObjects, type RoleRef, rbacGroup, type Subject } from "./rbac.ts";
import { serviceAccountUsername } from "./service-account-name.ts";

/** One state of the RBAC objects, arranged by the questions that the authorizer asks of it. Never changes. */
export interface BindingIndex {
  /** The bindings that name the user or group, each with the first of its subjects that does. */
  bindingsOf(username: string, groups: readonly string[]): readonly Grant[];
  /** `bindingNamespace` is empty for a ClusterRoleBinding, which a Role cannot serve. */
  rulesOf(roleRef: RoleRef, bindingNamespace: string): RoleRules;
}

export interface Grant {
  readonly roleRef: RoleRef;
  /** Empty: everywhere. */
  readonly namespace: string;
  /** As kube-apiserver words it: `ClusterRoleBinding "b" of ClusterRole "r" to User "u"`. */
  readonly description: string;
}

/** The rules of a role, or why there are none. */
export type RoleRules =
  | { readonly rules: readonly PolicyRule[]; readonly error?: never }
  | { readonly rules?: never; readonly error: RoleNotFound };

export interface RoleNotFound {
  readonly resource: "roles" | "clusterroles";
  readonly name: string;
  /** As the lister of kube-apiserver words it. */
  readonly message: string;
}

/** Reads everything once: linear in the number of bindings and their subjects. */
export function indexBindings(objects: RbacObjects): BindingIndex {
  const roles = new Map<string, readonly PolicyRule[]>();
  for (const { metadata, rules } of objects.clusterRoles()) roles.set(roleKey("", metadata.name), rules ?? []);
  for (const { metadata, rules } of objects.roles()) {
    roles.set(roleKey(metadata.namespace ?? "", metadata.name), rules ?? []);
  }

  const bySubject = new Map<string, Entry[]>();
  let order = 0;
  for (const binding of [...objects.clusterRoleBindings(), ...objects.roleBindings()]) {
    order++;
    for (const [position, subject] of (binding.subjects ?? []).entries()) {
      const key = subjectKey(subject, binding.metadata.namespace ?? "");
      if (key === undefined) continue;
      const entry = { binding, subject, position, order };
      const known = bySubject.get(key);
      if (known) known.push(entry);
      else bySubject.set(key, [entry]);
    }
  }

  return {
    bindingsOf(username, groups) {
      const first = new Map<Binding, Entry>();
      for (const key of [userKey(username), ...groups.map(groupKey)]) {
        for (const entry of bySubject.get(key) ?? []) {
          const known = first.get(entry.binding);
          if (!known || entry.position < known.position) first.set(entry.binding, entry);
        }
      }
      return [...first.values()].sort((a, b) => a.order - b.order).map(toGrant);
    },
    rulesOf({ kind, name }, bindingNamespace) {
      const inNamespace = kind === "Role";
      // A Role has a namespace, so that of a ClusterRoleBinding finds nothing rather than a ClusterRole of its name.
      const rules =
        inNamespace && bindingNamespace === ""
          ? undefined
          : roles.get(roleKey(inNamespace ? bindingNamespace : "", name));
      return rules ? { rules } : { error: roleNotFound(inNamespace ? "role" : "clusterrole", name) };
    },
  };
}

interface Entry {
  readonly binding: Binding;
  readonly subject: Subject;
  readonly position: number;
  readonly order: number;
}

function roleKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

function userKey(name: string): string {
  return `User ${name}`;
}

function groupKey(name: string): string {
  return `Group ${name}`;
}

function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  switch (kind) {
    case "User":
      return userKey(name);
    case "Group":
      return groupKey(name);
    case "ServiceAccount": {
      const home = namespace || bindingNamespace;
      return home === "" ? undefined : userKey(serviceAccountUsername(home, name));
    }
    default:
      // Stored before the check of kinds existed, or by a newer release: grants nothing.
      return kind satisfies never;
  }
}

function toGrant({ binding, subject }: Entry): Grant {
  const { metadata, roleRef } = binding;
  const namespace = metadata.namespace ?? "";
  const kind = namespace === "" ? "ClusterRoleBinding" : "RoleBinding";
  const name = namespace === "" ? metadata.name : `${metadata.name}/${namespace}`;
  const who = subject.kind === "ServiceAccount" ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  const to = `${subject.kind} ${JSON.stringify(who)}`;
  return {
    roleRef,
    namespace,
    description: `${kind} ${JSON.stringify(name)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${to}`,
  };
}

function roleNotFound(singular: "role" | "clusterrole", name: string): RoleNotFound {
  return { resource: `${singular}s`, name, message: `${singular}.${rbacGroup} ${JSON.stringify(name)} not found` };
}
