import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../../api/meta.ts";
import { forbiddenBecause, notFound } from "../http/status-error.ts";
import type { UserInfo } from "./access.ts";
import { type Binding, type ClusterRole, type PolicyRule, type RoleRef, rbacGroup } from "./rbac.ts";
import { type RbacAuthorizer, superuserGroup } from "./rbac-authorizer.ts";
import { compactRules, countParts, formatRule, formatStrings, missingRules } from "./rule-cover.ts";

/** A create or update of an RBAC object, as it would be stored. */
export interface RbacWrite {
  readonly user: UserInfo;
  readonly resource: "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings";
  readonly object: KubeObject;
  /** What it replaces; absent for a create. */
  readonly previous?: KubeObject;
}

/**
 * Nobody grants what they do not have: a role may hold only rules that its author has in that namespace, and a binding
 * may name only such a role, except for who may `escalate` the role, or `bind` it.
 * @throws {StatusError} Forbidden, in the words of kube-apiserver; NotFound for a binding to a role that is not there.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
export function refuseEscalation(authorizer: RbacAuthorizer, write: RbacWrite): void {
  const { user, object, previous, resource } = write;
  if (user.groups.includes(superuserGroup)) return;
  // The garbage collector edits owners and finalizers of roles whose rules it does not have.
  if (previous && differsInOwnershipOnly(object, previous)) return;
  if (resource === "roles" || resource === "clusterroles") refuseRole(authorizer, write);
  else refuseBinding(authorizer, write);
}

/** What a ClusterRole can gather by aggregation: anything. */
const fullAuthority: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/**
 * Most combinations of verb, resource and name that are compared, which takes some tenths of a second. Three megabytes
 * of role have up to 10¹⁰: without this, who may write roles could stop the server.
 */
const longestCheck = 100_000;

function refuseRole(authorizer: RbacAuthorizer, { user, resource, object, previous }: RbacWrite): void {
  const namespace = object.metadata.namespace ?? "";
  const { allowed } = authorizer.authorize(user, {
    kind: "resource",
    verb: "escalate",
    group: rbacGroup,
    version: "v1",
    resource,
    subresource: "",
    namespace,
    // A create names no object in its path, so a rule with resourceNames does not cover it.
    name: previous ? object.metadata.name : "",
  });
  if (allowed) return;
  const role = object as ClusterRole;
  const subject = { group: rbacGroup, kind: resource, name: role.metadata.name };
  const missing = describeMissing(authorizer, user, namespace, role.rules ?? []);
  if (missing) throw forbiddenBecause(subject, missing);
  const aggregates =
    resource === "clusterroles" && (role.aggregationRule ?? (previous as ClusterRole)?.aggregationRule);
  if (aggregates && describeMissing(authorizer, user, namespace, fullAuthority)) {
    throw forbiddenBecause(subject, "must have cluster-admin privileges to use an aggregationRule");
  }
}

function refuseBinding(authorizer: RbacAuthorizer, { user, resource, object }: RbacWrite): void {
  const { roleRef, metadata } = object as Binding;
  const namespace = metadata.namespace ?? "";
  if (mayBind(authorizer, user, roleRef, namespace)) return;
  const { rules, error } = authorizer.rulesOfRole(roleRef, namespace);
  if (error) throw notFound({ group: rbacGroup, kind: error.resource, name: error.name });
  const missing = describeMissing(authorizer, user, namespace, rules);
  if (missing) throw forbiddenBecause({ group: rbacGroup, kind: resource, name: metadata.name }, missing);
}

function mayBind(authorizer: RbacAuthorizer, user: UserInfo, roleRef: RoleRef, namespace: string): boolean {
  return authorizer.authorize(user, {
    kind: "resource",
    verb: "bind",
    group: rbacGroup,
    version: "v1",
    resource: roleRef.kind === "Role" ? "roles" : "clusterroles",
    subresource: "",
    namespace,
    name: roleRef.name,
  }).allowed;
}

/** Why `wanted` is more than the user has in the namespace; undefined when it is not. */
function describeMissing(
  authorizer: RbacAuthorizer,
  user: UserInfo,
  namespace: string,
  wanted: readonly PolicyRule[],
): string | undefined {
  const parts = countParts(wanted);
  if (parts > longestCheck) return `its rules have ${parts} combinations; at most ${longestCheck} can be checked`;
  const held = authorizer.rulesFor(user, namespace);
  const missing = missingRules(held.rules, wanted);
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRules(missing).map(formatRule))].sort();
  const who = `user ${JSON.stringify(user.username)} (groups=${formatStrings(user.groups)})`;
  const errors = held.error === undefined ? "" : `; resolution errors: [${held.error}]`;
  return `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join("\n")}${errors}`;
}

function differsInOwnershipOnly(object: KubeObject, previous: KubeObject): boolean {
  return isDeepStrictEqual(withoutOwnership(object), withoutOwnership(previous));
}

function withoutOwnership({ metadata, ...rest }: KubeObject): object {
  const { ownerReferences, finalizers, managedFields, resourceVersion, ...kept } = metadata;
  return { ...rest, metadata: kept };
}
