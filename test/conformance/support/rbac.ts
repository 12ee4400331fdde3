import { type Namespace, type Suite, suffix } from "./suite.ts";

/** What cases about access make. */

const GROUP = "rbac.authorization.k8s.io";
export const RBAC = `${GROUP}/v1`;
export const RBAC_PATH = `/apis/${RBAC}`;

export interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Subject {
  readonly kind: "User" | "Group" | "ServiceAccount";
  readonly name: string;
  readonly namespace?: string;
}

/** A rule for kinds of the core group. */
export const core = (resources: readonly string[], verbs: readonly string[]): Rule => ({
  apiGroups: [""],
  resources,
  verbs,
});

export const role = (name: string, rules: readonly Rule[], kind: "Role" | "ClusterRole" = "Role") => ({
  apiVersion: RBAC,
  kind,
  metadata: { name },
  rules,
});

const subjectOf = (subject: Subject) => (subject.kind === "ServiceAccount" ? subject : { apiGroup: GROUP, ...subject });

export const binding = (name: string, roleRef: { kind: string; name: string }, subjects: readonly Subject[]) => ({
  apiVersion: RBAC,
  kind: "RoleBinding",
  metadata: { name },
  roleRef: { apiGroup: GROUP, ...roleRef },
  subjects: subjects.map(subjectOf),
});

/** Gives a subject these rights in a namespace. */
export async function grant(suite: Suite, ns: Namespace, subject: Subject, rules: readonly Rule[]): Promise<string> {
  const name = `granted-${suffix()}`;
  await suite.api.create(ns.in(RBAC, "roles"), role(name, rules));
  await suite.api.create(ns.in(RBAC, "rolebindings"), binding(name, { kind: "Role", name }, [subject]));
  return name;
}

/** Makes a ClusterRole for this case. */
export async function clusterRole(suite: Suite, rules: readonly Rule[], rest: object = {}): Promise<string> {
  const name = `conformance-${suffix()}`;
  suite.removeLater(`${RBAC_PATH}/clusterroles/${name}`);
  const { metadata, ...others } = { metadata: {}, ...rest };
  const made = role(name, rules, "ClusterRole");
  await suite.api.create(`${RBAC_PATH}/clusterroles`, { ...made, ...others, metadata: { name, ...metadata } });
  return name;
}

/** Binds a ClusterRole everywhere for this case. */
export async function bindEverywhere(suite: Suite, clusterRoleName: string, subject: Subject): Promise<void> {
  const name = `conformance-${suffix()}`;
  suite.removeLater(`${RBAC_PATH}/clusterrolebindings/${name}`);
  await suite.api.create(`${RBAC_PATH}/clusterrolebindings`, {
    ...binding(name, { kind: "ClusterRole", name: clusterRoleName }, [subject]),
    kind: "ClusterRoleBinding",
  });
}
