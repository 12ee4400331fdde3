import type { KubeObject } from "../../api/meta.ts";
import type { LabelSelector } from "../selectors/label-selector.ts";

/** The kinds of `rbac.authorization.k8s.io/v1`, and where the authorizer reads them. */

export const rbacGroup = "rbac.authorization.k8s.io";

/** What may be done. `*` stands for everything in each list but `resourceNames`; `apiGroups` holds "" for the core group. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  /** Plurals, `plural/subresource`, or a wildcard: everything, or `*` + `/subresource` for that subresource of anything. */
  readonly resources?: readonly string[];
  /** Absent or empty: every name. */
  readonly resourceNames?: readonly string[];
  /** Whole paths, or with a trailing `*` every path that begins so. Excludes the three lists above. */
  readonly nonResourceURLs?: readonly string[];
}

export interface Role extends KubeObject {
  rules?: readonly PolicyRule[] | null;
}

export interface ClusterRole extends Role {
  /** Where set, `rules` are the controller's: the union of the rules of the selected ClusterRoles. */
  aggregationRule?: { clusterRoleSelectors?: readonly LabelSelector[] } | null;
}

export interface RoleRef {
  readonly apiGroup?: string;
  readonly kind: "Role" | "ClusterRole";
  readonly name: string;
}

export interface Subject {
  readonly kind: "User" | "Group" | "ServiceAccount";
  readonly apiGroup?: string;
  readonly name: string;
  /** Of a ServiceAccount; absent in a RoleBinding means the binding's own. */
  readonly namespace?: string;
}

/** A RoleBinding, or without a namespace a ClusterRoleBinding. */
export interface Binding extends KubeObject {
  roleRef: RoleRef;
  subjects?: readonly Subject[] | null;
}

/**
 * The stored RBAC objects of the server, from its cache: reading costs no I/O, and what was acknowledged to a writer
 * is there. Objects are never changed in place.
 */
export interface RbacObjects {
  roles(): Iterable<Role>;
  clusterRoles(): Iterable<ClusterRole>;
  roleBindings(): Iterable<Binding>;
  clusterRoleBindings(): Iterable<Binding>;
  /** Calls `listener` after each write to one of the four kinds, before the writer gets its answer. Returns the way out. */
  onChange(listener: () => void): () => void;
}
