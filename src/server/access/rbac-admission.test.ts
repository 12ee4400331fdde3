import { describe, expect, it } from "@jest/globals";
import { MemoryObjects } from "../../../test/support/memory-objects.ts";
import type { AdmissionRequest } from "../admission/admission.ts";
import { StatusError } from "../http/status-error.ts";
import type { ResourceDefinition } from "../resource.ts";
import { rbacAdmission } from "./rbac-admission.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { storedRbacObjects } from "./stored-rbac.ts";

const kinds = {
  roles: "Role",
  clusterroles: "ClusterRole",
  rolebindings: "RoleBinding",
  clusterrolebindings: "ClusterRoleBinding",
};

function admission(plural: keyof typeof kinds, object: object, oldObject?: object) {
  const plugin = rbacAdmission(new RbacAuthorizer(storedRbacObjects(new MemoryObjects())));
  const namespaced = !plural.startsWith("cluster");
  const metadata = { name: "x", ...(namespaced && { namespace: "team-a" }) };
  const whole = { metadata, ...object } as Record<string, unknown>;
  const request = {
    operation: oldObject ? "UPDATE" : "CREATE",
    definition: { group: "rbac.authorization.k8s.io", plural, kind: kinds[plural], namespaced } as ResourceDefinition,
    subresource: "",
    namespace: namespaced ? "team-a" : "",
    name: "x",
    user: { username: "root", groups: ["system:masters"] },
    dryRun: false,
    object: whole,
    oldObject: oldObject && { metadata, ...oldObject },
    warn: () => undefined,
  } as unknown as AdmissionRequest;
  return { plugin, request, object: whole };
}

/** The refusal's message without its beginning, or "admitted". */
function admit(plural: keyof typeof kinds, object: object, oldObject?: object): string {
  const { plugin, request } = admission(plural, object, oldObject);
  try {
    plugin.mutate(request);
    plugin.validate(request);
    return "admitted";
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const prefix = `${kinds[plural]}.rbac.authorization.k8s.io "x" is invalid: `;
    expect(error.message.slice(0, prefix.length)).toBe(prefix);
    return error.message.slice(prefix.length);
  }
}

const group = "rbac.authorization.k8s.io";
const pods = { apiGroups: [""], resources: ["pods"] };
const roleRef = { apiGroup: group, kind: "Role", name: "r" };

describe("RBAC admission", () => {
  it.each<{ plural: keyof typeof kinds; object: object; old?: object; want: string }>([
    { plural: "roles", object: { rules: [{ ...pods, verbs: ["get"] }] }, want: "admitted" },
    { plural: "roles", object: { rules: null }, want: "admitted" },
    { plural: "clusterroles", object: { rules: [{ nonResourceURLs: ["/x"], verbs: ["get"] }] }, want: "admitted" },
    {
      plural: "roles",
      object: { rules: [pods] },
      want: "rules[0].verbs: Required value: verbs must contain at least one value",
    },
    {
      plural: "roles",
      object: { rules: [{ apiGroups: [""], verbs: ["get"] }] },
      want: "rules[0].resources: Required value: resource rules must supply at least one resource",
    },
    {
      plural: "roles",
      object: { rules: [{ resources: ["pods"], verbs: ["get"] }] },
      want: "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
    },
    {
      plural: "roles",
      object: { rules: [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }] },
      want: 'rules[0].nonResourceURLs: Invalid value: ["/metrics"]: namespaced rules cannot apply to non-resource URLs',
    },
    {
      plural: "clusterroles",
      object: { rules: [{ ...pods, nonResourceURLs: ["/metrics"], verbs: ["get"] }] },
      want: 'rules[0].nonResourceURLs: Invalid value: ["/metrics"]: rules cannot apply to both regular resources and non-resource URLs',
    },
    {
      plural: "clusterroles",
      object: { rules: [], aggregationRule: {} },
      want: "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
    },
    { plural: "rolebindings", object: { roleRef, subjects: [{ kind: "User", name: "u" }] }, want: "admitted" },
    {
      plural: "rolebindings",
      object: { roleRef, subjects: [{ kind: "ServiceAccount", name: "s" }] },
      want: "admitted",
    },
    { plural: "rolebindings", object: { roleRef: { kind: "ClusterRole", name: "system:x" } }, want: "admitted" },
    {
      plural: "rolebindings",
      object: {},
      want: '[roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole", roleRef.name: Required value]',
    },
    {
      plural: "clusterrolebindings",
      object: { roleRef },
      want: 'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    },
    {
      plural: "rolebindings",
      object: { roleRef: { ...roleRef, name: "a/b" } },
      want: "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
    },
    {
      plural: "rolebindings",
      object: { roleRef: { ...roleRef, apiGroup: "apps" } },
      want: 'roleRef.apiGroup: Unsupported value: "apps": supported values: "rbac.authorization.k8s.io"',
    },
    {
      plural: "rolebindings",
      object: { roleRef, subjects: [{ kind: "Robot", name: "x" }] },
      want: 'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    },
    {
      plural: "rolebindings",
      object: { roleRef, subjects: [{ kind: "User", apiGroup: "apps" }] },
      want: '[subjects[0].name: Required value, subjects[0].apiGroup: Unsupported value: "apps": supported values: "rbac.authorization.k8s.io"]',
    },
    {
      plural: "clusterrolebindings",
      object: { roleRef: { kind: "ClusterRole", name: "r" }, subjects: [{ kind: "ServiceAccount", name: "s" }] },
      want: "subjects[0].namespace: Required value",
    },
    {
      plural: "rolebindings",
      object: { roleRef: { ...roleRef, name: "other" } },
      old: { roleRef },
      want: `roleRef: Invalid value: {"APIGroup":"${group}","Kind":"Role","Name":"other"}: cannot change roleRef`,
    },
  ])("$plural $object: $want", ({ plural, object, old, want }) => {
    expect(admit(plural, object, old)).toBe(want);
  });

  it("fills in the API group of roleRef and of users and groups", () => {
    const { plugin, request, object } = admission("rolebindings", {
      roleRef: { kind: "Role", name: "r" },
      subjects: [
        { kind: "User", name: "u" },
        { kind: "ServiceAccount", name: "s" },
      ],
    });
    plugin.mutate(request);
    expect(object).toMatchObject({
      roleRef,
      subjects: [
        { kind: "User", name: "u", apiGroup: group },
        { kind: "ServiceAccount", name: "s" },
      ],
    });
    expect(object).not.toHaveProperty("subjects.1.apiGroup");
  });

  it.each([
    { roleRef: 7, subjects: "x" },
    { roleRef: null, subjects: [null, 3] },
  ])("leaves the shape of %j to the schema", (object) => {
    const { plugin, request } = admission("rolebindings", object);
    expect(() => plugin.mutate(request)).not.toThrow();
  });

  it("guards against escalation", () => {
    const { plugin, request } = admission("roles", { rules: [{ ...pods, verbs: ["get"] }] });
    const byAlice = { ...request, user: { username: "alice", groups: [] } };
    expect(() => plugin.validate(byAlice)).toThrow("is attempting to grant RBAC permissions not currently held");
  });

  it("minds its own kinds, and no deletion", () => {
    const { plugin, request } = admission("roles", {});
    expect(plugin.handles(request)).toBe(true);
    expect(plugin.handles({ ...request, operation: "DELETE" })).toBe(false);
    expect(plugin.handles({ ...request, definition: { ...request.definition, group: "apps" } })).toBe(false);
  });
});
