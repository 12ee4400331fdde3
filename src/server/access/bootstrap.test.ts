import { readFile } from "node:fs/promises";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { MemoryObjects } from "../../../test/support/memory-objects.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { UserInfo } from "./access.ts";
import { ClusterRoleAggregator } from "./aggregation.ts";
import { bootstrapAccess, slipwayAccessManifests } from "./bootstrap.ts";
import type { ClusterRole, PolicyRule } from "./rbac.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, storedRbacObjects } from "./stored-rbac.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";

let objects: MemoryObjects;
let authorizer: RbacAuthorizer;

beforeEach(async () => {
  objects = new MemoryObjects();
  authorizer = new RbacAuthorizer(storedRbacObjects(objects));
  await bootstrapAccess({ reader: objects, writer: objects });
});

function bind(namespace: string, role: string, group: string): void {
  const metadata = { name: `${role}-${group}`, ...(namespace !== "" && { namespace }) };
  objects.put(namespace === "" ? clusterRoleBindings : roleBindings, {
    apiVersion,
    kind: "Binding",
    metadata,
    roleRef: { kind: "ClusterRole", name: role },
    subjects: [{ kind: "Group", name: group }],
  });
}

const member = (...groups: string[]): UserInfo => ({ username: "u", groups: [...groups, "system:authenticated"] });
const controller: UserInfo = {
  username: "system:serviceaccount:slipway-system:slipway-controller",
  groups: ["system:serviceaccounts", "system:serviceaccounts:slipway-system", "system:authenticated"],
};

function may(user: UserInfo, verb: string, what: string, namespace = "", name = ""): boolean {
  if (what.startsWith("/")) return authorizer.authorize(user, { kind: "path", verb, path: what }).allowed;
  const [named = "", subresource = ""] = what.split("/");
  const [resource = "", ...group] = named.split(".");
  return authorizer.authorize(user, {
    kind: "resource",
    verb,
    group: group.join("."),
    version: "v1",
    resource,
    subresource,
    namespace,
    name,
  }).allowed;
}

const deployments = "runtimedeployments.slipway.dev";
const approvals = "approvals.slipway.dev";
const backends = "runtimebackends.slipway.dev";

describe("the default roles", () => {
  it("let everybody find their way, and nothing else", () => {
    for (const path of ["/version", "/healthz", "/readyz", "/api", "/apis/apps/v1", "/openapi/v3"]) {
      expect([path, may(member(), "get", path)]).toEqual([path, true]);
    }
    expect(may(member(), "create", "selfsubjectaccessreviews.authorization.k8s.io")).toBe(true);
    expect(may(member(), "create", "selfsubjectrulesreviews.authorization.k8s.io")).toBe(true);
    expect(may(member(), "create", "selfsubjectreviews.authentication.k8s.io")).toBe(true);
    expect(may(member(), "get", "/metrics")).toBe(false);
    expect(may(member(), "create", "subjectaccessreviews.authorization.k8s.io")).toBe(false);
    expect(may(member(), "create", "tokenreviews.authentication.k8s.io")).toBe(false);
    expect(may(member(), "list", "namespaces")).toBe(false);
    expect(may(member(), "list", deployments, "default")).toBe(false);
  });

  it.each([
    { role: "view", group: "v" },
    { role: "slipway-viewer", group: "v" },
    { role: "slipway-approver", group: "v" },
  ])("$role sees what runs and changes nothing", ({ role, group }) => {
    bind("team-a", role, group);
    expect(may(member(group), "list", deployments, "team-a")).toBe(true);
    expect(may(member(group), "get", `${deployments}/log`, "team-a", "x")).toBe(role !== "slipway-approver");
    for (const verb of ["create", "update", "patch", "delete", "deletecollection"]) {
      expect([verb, may(member(group), verb, deployments, "team-a", "x")]).toEqual([verb, false]);
    }
    expect(may(member(group), "get", "secrets", "team-a", "x")).toBe(false);
    expect(may(member(group), "list", deployments, "team-b")).toBe(false);
  });

  it.each(["edit", "slipway-developer"])("%s deploys and reads logs, and cannot move the walls", (role) => {
    bind("team-a", role, "devs");
    for (const verb of ["get", "list", "watch", "create", "update", "patch", "delete"]) {
      expect([verb, may(member("devs"), verb, deployments, "team-a", "x")]).toEqual([verb, true]);
    }
    expect(may(member("devs"), "get", `${deployments}/log`, "team-a", "x")).toBe(true);
    expect(may(member("devs"), "update", `${deployments}/status`, "team-a", "x")).toBe(false);
    expect(may(member("devs"), "create", backends)).toBe(false);
    expect(may(member("devs"), "create", "rolebindings.rbac.authorization.k8s.io", "team-a")).toBe(false);
    expect(may(member("devs"), "get", "secrets", "team-a", "x")).toBe(role === "edit");
  });

  it("slipway-admin runs the backends, once bound for the cluster", () => {
    bind("", "slipway-admin", "ops");
    for (const verb of ["create", "update", "patch", "delete"]) {
      expect([verb, may(member("ops"), verb, backends, "", "docker")]).toEqual([verb, true]);
    }
    expect(may(member("ops"), "get", "secrets", "team-a", "x")).toBe(false);
    expect(may(member("ops"), "update", `${backends}/status`, "", "docker")).toBe(false);
  });

  it.each([
    { role: "slipway-admin", scope: "", writes: true },
    { role: "admin", scope: "", writes: true },
    { role: "slipway-admin", scope: "team-a", writes: false },
    { role: "admin", scope: "team-a", writes: false },
    ...["edit", "view", "slipway-developer", "slipway-viewer", "slipway-approver", "slipway-cluster-viewer"].map(
      (role) => ({ role, scope: "", writes: false }),
    ),
    { role: "slipway-user", scope: "", writes: false },
  ])("$role, bound in '$scope', has Secrets sent to a URL of its choice: $writes", ({ role, scope, writes }) => {
    bind(scope, role, "some");
    for (const verb of ["create", "update", "patch"]) {
      expect([verb, may(member("some"), verb, "mcpgateways.slipway.dev", "", "forge")]).toEqual([verb, writes]);
    }
  });

  it("admin has all of edit, edit all of view, and admin gives rights away in its namespace", () => {
    const rulesOf = (name: string) => objects.get<ClusterRole>(clusterRoles, { namespace: "", name })?.rules ?? [];
    expect(rulesOf("edit")).toEqual(expect.arrayContaining([...rulesOf("view")]));
    expect(rulesOf("admin")).toEqual(expect.arrayContaining([...rulesOf("edit")]));
    bind("team-a", "admin", "leads");
    expect(may(member("leads"), "create", "rolebindings.rbac.authorization.k8s.io", "team-a")).toBe(true);
    expect(may(member("leads"), "create", "clusterrolebindings.rbac.authorization.k8s.io")).toBe(false);
  });
});

describe("the controller", () => {
  it.each([
    ["list", deployments],
    ["watch", backends],
    ["list", "secrets"],
    ["watch", "configmaps"],
    ["list", "namespaces"],
    ["patch", deployments, "team-a", "x"],
    ["patch", `${deployments}/status`, "team-a", "x"],
    ["patch", `${backends}/status`, "", "docker"],
    ["create", "events.events.k8s.io", "team-a"],
    ["patch", "events.events.k8s.io", "team-a", "e"],
    ["create", "tokenreviews.authentication.k8s.io"],
    ["create", "subjectaccessreviews.authorization.k8s.io"],
    ["create", "secrets", "slipway-system"],
    ["watch", approvals],
    ["watch", "approvalpolicies.slipway.dev"],
    ["create", approvals, "team-a"],
    ["delete", approvals, "team-a", "a"],
    ["patch", `${approvals}/status`, "team-a", "a"],
    ["patch", "approvalpolicies.slipway.dev/status", "", "p"],
    ["watch", "mcpgateways.slipway.dev"],
    ["patch", "mcpgateways.slipway.dev", "", "forge"],
    ["patch", "mcpgateways.slipway.dev/status", "", "forge"],
    ["create", deployments, "slipway-system"],
    ["update", "leases.coordination.k8s.io", "slipway-system", "slipway-controller"],
  ])("may %s %s %s %s", (verb, what, namespace = "", name = "") => {
    expect(may(controller, verb, what, namespace, name)).toBe(true);
  });

  it.each([
    ["create", deployments, "team-a"],
    ["delete", deployments, "team-a", "x"],
    ["update", approvals, "team-a", "a"],
    ["patch", approvals, "team-a", "a"],
    ["update", "approvalpolicies.slipway.dev", "", "p"],
    ["create", "mcpgateways.slipway.dev"],
    ["delete", "mcpgateways.slipway.dev", "", "forge"],
    ["create", backends],
    ["update", backends, "", "docker"],
    ["delete", backends, "", "docker"],
    ["create", "secrets", "team-a"],
    ["update", "secrets", "team-a", "s"],
    ["update", "secrets", "slipway-system", "slipway-workload-hash"],
    ["delete", "secrets", "slipway-system", "slipway-workload-hash"],
    ["update", "configmaps", "team-a", "c"],
    ["create", "namespaces"],
    ["delete", "namespaces", "team-a", "team-a"],
    ["update", "leases.coordination.k8s.io", "team-a", "l"],
    ["create", "serviceaccounts/token", "slipway-system", "slipway-controller"],
    ["impersonate", "users", "", "root"],
    ["create", "clusterrolebindings.rbac.authorization.k8s.io"],
    ["list", "roles.rbac.authorization.k8s.io"],
    ["get", "/metrics"],
  ])("may not %s %s %s %s", (verb, what, namespace = "", name = "") => {
    expect(may(controller, verb, what, namespace, name)).toBe(false);
  });
});

describe("a later start", () => {
  const again = async () => {
    objects.writes.length = 0;
    await bootstrapAccess({ reader: objects, writer: objects });
    return [...objects.writes].sort();
  };
  const edit = (name: string, change: (role: ClusterRole) => ClusterRole) => {
    const role = objects.get<ClusterRole>(clusterRoles, { namespace: "", name });
    if (!role) throw new Error(`no ClusterRole ${name}`);
    objects.put(clusterRoles, change(role));
  };
  const extra: PolicyRule = { apiGroups: [""], resources: ["secrets"], verbs: ["get"] };

  it("writes nothing", async () => {
    expect(await again()).toEqual([]);
  });

  it("brings back what was removed", async () => {
    objects.remove(clusterRoles, { namespace: "", name: "slipway-viewer" });
    objects.remove(clusterRoleBindings, { namespace: "", name: "system:discovery" });
    edit("system:discovery", (role) => ({ ...role, rules: [] }));
    expect(await again()).toEqual([
      "create clusterrolebindings system:discovery",
      "create clusterroles slipway-viewer",
      "update clusterroles system:discovery",
    ]);
    expect(await again()).toEqual([]);
  });

  it("keeps what somebody added to Kubernetes' own roles, as kube-apiserver does", async () => {
    edit("system:basic-user", (role) => ({ ...role, rules: [...(role.rules ?? []), extra] }));
    expect(await again()).toEqual([]);
  });

  it("takes back what somebody added to Slipway's: the controller has no more rights than its manifest", async () => {
    edit("slipway-controller", (role) => ({
      ...role,
      rules: [...(role.rules ?? []), { ...extra, verbs: ["delete"] }],
    }));
    expect(may(controller, "delete", "secrets", "team-a", "s")).toBe(true);
    expect(await again()).toEqual(["update clusterroles slipway-controller"]);
    expect(may(controller, "delete", "secrets", "team-a", "s")).toBe(false);
  });

  it("leaves a role alone that says so", async () => {
    const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
    edit("slipway-viewer", (role) => ({ ...role, metadata: { ...role.metadata, annotations }, rules: [] }));
    expect(await again()).toEqual([]);
  });

  it("makes a binding anew that leads elsewhere, since what it refers to cannot be changed", async () => {
    const name = "slipway-controller";
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" };
    objects.put(clusterRoleBindings, {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef,
      subjects: [],
    });
    expect(await again()).toEqual([`create clusterrolebindings ${name}`, `delete clusterrolebindings ${name}`]);
    expect(may(controller, "delete", "namespaces", "team-a", "team-a")).toBe(false);
  });
});

describe("the manifests of a cluster", () => {
  it("hold only roles, bindings and the controller's identity, the Namespace first", async () => {
    const manifests = await slipwayAccessManifests();
    expect(manifests[0]).toMatchObject({ kind: "Namespace", metadata: { name: "slipway-system" } });
    expect(manifests.map(({ kind }) => kind)).not.toContain("Secret");
  });

  it("grant no wildcard to anybody", async () => {
    const text = await Promise.all(
      ["controller", "roles"].map((name) => readFile(`manifests/rbac/${name}.yaml`, "utf8")),
    );
    expect(text.join("")).not.toContain("*");
  });
});

describe("ClusterRoleAggregator", () => {
  const { logger, lines } = recordingLogger();
  let retry: (() => void) | undefined;
  const clock: Clock = {
    now: () => new Date(),
    monotonicMs: () => 0,
    schedule(_ms, callback) {
      retry = callback;
      return () => {
        retry = undefined;
      };
    },
  };
  const start = () => new ClusterRoleAggregator({ reader: objects, writer: objects, clock, logger });
  const part = (name: string, rule: PolicyRule) =>
    objects.put(clusterRoles, {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name, labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
      rules: [rule],
    });
  const widgets: PolicyRule = { apiGroups: ["example.com"], resources: ["widgets"], verbs: ["get"] };

  it("writes nothing where all is well", async () => {
    objects.writes.length = 0;
    await using aggregator = start();
    await aggregator.settled();
    expect(objects.writes).toEqual([]);
  });

  it("carries a rule through view, edit and admin, and takes it away again", async () => {
    await using aggregator = start();
    bind("team-a", "admin", "leads");
    part("widgets", widgets);
    await aggregator.settled();
    expect(may(member("leads"), "get", "widgets.example.com", "team-a", "w")).toBe(true);
    objects.remove(clusterRoles, { namespace: "", name: "widgets" });
    await aggregator.settled();
    expect(may(member("leads"), "get", "widgets.example.com", "team-a", "w")).toBe(false);
  });

  it("undoes what somebody writes into an aggregated role", async () => {
    await using aggregator = start();
    bind("team-a", "view", "v");
    const view = objects.get<ClusterRole>(clusterRoles, { namespace: "", name: "view" });
    objects.put(clusterRoles, { ...view, rules: [widgets] });
    await aggregator.settled();
    expect(may(member("v"), "get", "widgets.example.com", "team-a", "w")).toBe(false);
    expect(may(member("v"), "get", "configmaps", "team-a", "c")).toBe(true);
  });

  it("tries again when a write fails", async () => {
    await using aggregator = start();
    bind("team-a", "view", "v");
    await aggregator.settled();
    objects.failures = 1;
    part("widgets", widgets);
    await aggregator.settled();
    expect(may(member("v"), "get", "widgets.example.com", "team-a", "w")).toBe(false);
    expect(lines.at(-1)).toMatchObject({ level: "warn", fields: { delayMs: 1000 } });
    retry?.();
    await aggregator.settled();
    expect(may(member("v"), "get", "widgets.example.com", "team-a", "w")).toBe(true);
  });

  it("misses no change, at whatever point of a pass it comes", async () => {
    for (let depth = 0; depth < 12; depth++) {
      const rule = { ...widgets, resources: [`widgets${depth}`] };
      const later = (turns: number): void =>
        queueMicrotask(() => (turns === 0 ? void part(`p${depth}`, rule) : later(turns - 1)));
      await using aggregator = start();
      later(depth);
      await aggregator.settled();
      await new Promise(setImmediate);
      await aggregator.settled();
      expect(objects.get<ClusterRole>(clusterRoles, { namespace: "", name: "view" })?.rules).toContainEqual(rule);
    }
  });

  it("writes nothing once it has ended", async () => {
    const aggregator = start();
    await aggregator[Symbol.asyncDispose]();
    objects.writes.length = 0;
    part("widgets", widgets);
    await aggregator.settled();
    expect(objects.writes).toEqual([]);
  });
});
