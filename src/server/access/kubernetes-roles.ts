import type { Binding, ClusterRole, PolicyRule, Subject } from "./rbac.ts";
import { rbacGroup } from "./rbac.ts";
import { superuserGroup } from "./rbac-authorizer.ts";

/**
 * The default roles and bindings of kube-apiserver 1.36, for the kinds that this server has. Where a cluster runs,
 * they are there already; the embedded server brings them itself.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 */
export function kubernetesClusterRoles(): Manifest<ClusterRole>[] {
  return [
    clusterRole("cluster-admin", [
      { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      { nonResourceURLs: ["*"], verbs: ["*"] },
    ]),
    clusterRole("system:discovery", [{ nonResourceURLs: discoveryPaths, verbs: ["get"] }]),
    clusterRole("system:public-info-viewer", [{ nonResourceURLs: publicPaths, verbs: ["get"] }]),
    clusterRole("system:basic-user", [
      rule("authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
      rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
    ]),
    clusterRole("system:auth-delegator", [
      rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
      rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
    ]),
    aggregated("admin", "admin"),
    aggregated("edit", "edit", "admin"),
    aggregated("view", "view", "edit"),
    clusterRole("system:aggregate-to-admin", administration, "admin"),
    clusterRole("system:aggregate-to-edit", editing, "edit"),
    clusterRole("system:aggregate-to-view", viewing, "view"),
  ];
}

export function kubernetesClusterRoleBindings(): Manifest<Binding>[] {
  return [
    clusterRoleBinding("cluster-admin", [superuserGroup]),
    clusterRoleBinding("system:discovery", ["system:authenticated"]),
    clusterRoleBinding("system:basic-user", ["system:authenticated"]),
    clusterRoleBinding("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
  ];
}

/** An object before the server has given it its identity. */
export type Manifest<T> = Omit<T, "metadata"> & {
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
};

const publicPaths = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
const discoveryPaths = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", ...publicPaths];

const read = ["get", "list", "watch"];
const write = ["create", "delete", "deletecollection", "patch", "update"];

const administration: PolicyRule[] = [
  rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"]),
  rule(rbacGroup, ["roles", "rolebindings"], [...read, ...write]),
];

const editing: PolicyRule[] = [
  rule("", ["secrets"], read),
  rule("", ["serviceaccounts"], ["impersonate"]),
  rule("", ["configmaps", "events", "pods", "secrets", "serviceaccounts", "services"], write),
  rule("", ["serviceaccounts/token"], ["create"]),
  rule("apps", ["deployments", "deployments/scale", "replicasets", "replicasets/scale"], write),
  rule("batch", ["jobs"], write),
  rule("networking.k8s.io", ["ingresses", "networkpolicies"], write),
  rule("coordination.k8s.io", ["leases"], [...read, ...write]),
];

const viewing: PolicyRule[] = [
  rule("", ["configmaps", "events", "namespaces", "pods", "serviceaccounts", "services"], read),
  rule("", ["namespaces/status", "pods/log", "pods/status", "services/status"], read),
  rule("apps", ["deployments", "deployments/scale", "deployments/status"], read),
  rule("apps", ["replicasets", "replicasets/scale", "replicasets/status"], read),
  rule("batch", ["jobs", "jobs/status"], read),
  rule("networking.k8s.io", ["ingresses", "ingresses/status", "networkpolicies"], read),
];

function rule(group: string, resources: string[], verbs: string[]): PolicyRule {
  return { apiGroups: [group], resources, verbs };
}

const bootstrapping = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const autoupdate = { "rbac.authorization.kubernetes.io/autoupdate": "true" };

function aggregationLabel(role: string): Record<string, string> {
  return { [`rbac.authorization.k8s.io/aggregate-to-${role}`]: "true" };
}

function clusterRole(name: string, rules: PolicyRule[], aggregatesTo?: string): Manifest<ClusterRole> {
  const labels = { ...bootstrapping, ...(aggregatesTo && aggregationLabel(aggregatesTo)) };
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: "ClusterRole",
    metadata: { name, labels, annotations: autoupdate },
    rules,
  };
}

function aggregated(name: string, gathers: string, aggregatesTo?: string): Manifest<ClusterRole> {
  const selector = { matchLabels: aggregationLabel(gathers) };
  return { ...clusterRole(name, [], aggregatesTo), aggregationRule: { clusterRoleSelectors: [selector] } };
}

function clusterRoleBinding(role: string, groups: string[]): Manifest<Binding> {
  const subjects = groups.map((name): Subject => ({ kind: "Group", apiGroup: rbacGroup, name }));
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: role, labels: bootstrapping, annotations: autoupdate },
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name: role },
    subjects,
  };
}
