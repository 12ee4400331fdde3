import { beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import type { Client } from "./support/client.ts";
import { runsNamespaceController } from "./support/controllers.ts";
import { configMap } from "./support/objects.ts";
import {
  bindEverywhere,
  binding,
  clusterRole,
  core,
  grant,
  RBAC,
  RBAC_PATH,
  role,
  type Subject,
} from "./support/rbac.ts";
import { conformance, type Namespace, suffix } from "./support/suite.ts";

const suite = conformance();
// Roles are aggregated by kube-controller-manager, as namespaces are emptied by it.
const hasControllers = await runsNamespaceController();
const itAggregated = hasControllers ? it : it.skip;
let ns: Namespace;
let subject: Subject;
let user: Client;

beforeEach(async () => {
  ns = await suite.namespace();
  subject = { kind: "User", name: `user-${suffix()}` };
  user = suite.api.as(subject.name);
});

const list =
  (at: Namespace, plural = "configmaps") =>
  () =>
    user.send("GET", at.core(plural));

// https://kubernetes.io/docs/reference/access-authn-authz/rbac/
describe("RBAC", () => {
  it("grants in one namespace what a Role says, verb by verb", async () => {
    await grant(suite, ns, subject, [core(["configmaps"], ["get", "list"])]);
    expect((await suite.allowed(list(ns))).status).toBe(200);
    const { status, body } = await user.send("POST", ns.core("configmaps"), { body: configMap("mine") });
    expect([status, body.reason]).toEqual([403, "Forbidden"]);
    const other = await suite.namespace();
    expect((await list(other)()).status).toBe(403);
    expect((await list(ns, "secrets")()).status).toBe(403);
  });

  it("takes a watch for a verb of its own", async () => {
    await grant(suite, ns, subject, [core(["configmaps"], ["list"])]);
    await suite.allowed(list(ns));
    expect((await user.send("GET", ns.core("configmaps"), { query: { watch: true } })).status).toBe(403);
  });

  it("takes the deletion of a collection for another verb than that of an object", async () => {
    await grant(suite, ns, subject, [core(["configmaps"], ["list", "delete"])]);
    await suite.allowed(list(ns));
    const { status, body } = await user.send("DELETE", ns.core("configmaps"));
    expect(status).toBe(403);
    expect(body.message).toContain("cannot deletecollection resource");
  });

  it("adds up the roles of a user and of the user's groups", async () => {
    const group = `group-${suffix()}`;
    await grant(suite, ns, { kind: "Group", name: group }, [core(["secrets"], ["list"])]);
    await grant(suite, ns, subject, [core(["configmaps"], ["list"])]);
    user = suite.api.as(subject.name, group);
    expect((await suite.allowed(list(ns))).status).toBe(200);
    expect((await suite.allowed(list(ns, "secrets"))).status).toBe(200);
  });

  it("grants a ClusterRole everywhere by a ClusterRoleBinding", async () => {
    const name = await clusterRole(suite, [core(["configmaps"], ["list"]), core(["namespaces"], ["get"])]);
    await bindEverywhere(suite, name, subject);
    expect((await suite.allowed(list(ns))).status).toBe(200);
    expect((await user.send("GET", "/api/v1/configmaps")).status).toBe(200);
    expect((await user.send("GET", `/api/v1/namespaces/${ns.name}`)).status).toBe(200);
  });

  it("grants paths that are no resources, by prefix", async () => {
    const name = await clusterRole(suite, [{ nonResourceURLs: ["/metrics", "/logs/*"], verbs: ["get"] }]);
    expect((await user.send("GET", "/metrics")).status).toBe(403);
    await bindEverywhere(suite, name, subject);
    await eventually("the grant counts", async () => {
      const { body } = await user.send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: { nonResourceAttributes: { path: "/logs/deep/file", verb: "get" } },
        },
      });
      return (body.status as { allowed: boolean }).allowed;
    });
  });

  it("limits a grant to names, which a creation does not have yet", async () => {
    await suite.api.create(ns.core("configmaps"), configMap("mine"));
    const rule = { ...core(["configmaps"], ["get", "update", "create"]), resourceNames: ["mine"] };
    await grant(suite, ns, subject, [rule]);
    const get = (name: string) => user.send("GET", ns.core("configmaps", name));
    expect((await suite.allowed(() => get("mine"))).status).toBe(200);
    expect((await get("other")).status).toBe(403);
    expect((await user.send("POST", ns.core("configmaps"), { body: configMap("mine") })).status).toBe(403);
  });

  it("tells those who may not see from those who find nothing", async () => {
    expect((await user.send("GET", ns.core("configmaps", "absent"))).status).toBe(403);
    await grant(suite, ns, subject, [core(["configmaps"], ["get"])]);
    const { status } = await suite.allowed(() => user.send("GET", ns.core("configmaps", "absent")));
    expect(status).toBe(404);
  });

  it("lets discovery be read by everybody who is somebody", async () => {
    for (const path of ["/api", "/apis", "/apis/apps/v1", "/openapi/v3", "/version"]) {
      expect([path, (await user.send("GET", path)).status]).toEqual([path, 200]);
    }
  });

  it("takes a right away with its binding", async () => {
    const name = await grant(suite, ns, subject, [core(["configmaps"], ["list"])]);
    await suite.allowed(list(ns));
    await suite.api.remove(ns.in(RBAC, "rolebindings", name));
    await eventually("the right is gone", async () => (await list(ns)()).status === 403);
  });

  itAggregated("gathers the rules of roles by their labels, as they come and go", async () => {
    const label = `conformance.example.com/${suffix()}`;
    const selectors = { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: "yes" } }] } };
    const whole = await clusterRole(suite, [], selectors);
    const part = await clusterRole(suite, [core(["configmaps"], ["list"])], {
      metadata: { labels: { [label]: "yes" } },
    });
    await suite.api.create(
      ns.in(RBAC, "rolebindings"),
      binding("whole", { kind: "ClusterRole", name: whole }, [subject]),
    );
    expect((await suite.allowed(list(ns))).status).toBe(200);
    await suite.api.remove(`${RBAC_PATH}/clusterroles/${part}`);
    await eventually("the right is gone", async () => (await list(ns)()).status === 403);
  });
});

// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
describe("whoever writes roles", () => {
  const ROLES = { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings"] };

  it("gives no right that they do not have themselves", async () => {
    await grant(suite, ns, subject, [{ ...ROLES, verbs: ["create", "update", "get"] }, core(["configmaps"], ["get"])]);
    await suite.allowed(() => user.send("GET", ns.in(RBAC, "roles", "absent")));
    const attempt = (name: string, verbs: string[]) =>
      user.send("POST", ns.in(RBAC, "roles"), { body: role(name, [core(["configmaps"], verbs)]) });
    expect((await attempt("same", ["get"])).status).toBe(201);
    const { status, body } = await attempt("more", ["get", "delete"]);
    expect([status, body.reason]).toEqual([403, "Forbidden"]);
    expect(body.message).toContain("is attempting to grant RBAC permissions not currently held");
  });

  it("binds no role that says more than they may, unless told that they may bind it", async () => {
    await suite.api.create(ns.in(RBAC, "roles"), role("strong", [core(["secrets"], ["list"])]));
    await grant(suite, ns, subject, [{ ...ROLES, verbs: ["create", "get"] }]);
    const other: Subject = { kind: "User", name: `other-${suffix()}` };
    const bind = (name: string) => () =>
      user.send("POST", ns.in(RBAC, "rolebindings"), {
        body: binding(name, { kind: "Role", name: "strong" }, [other]),
      });
    await suite.allowed(() => user.send("GET", ns.in(RBAC, "roles", "strong")));
    expect((await bind("denied")()).status).toBe(403);
    await grant(suite, ns, subject, [{ ...ROLES, resources: ["roles"], resourceNames: ["strong"], verbs: ["bind"] }]);
    expect((await suite.allowed(bind("allowed"))).status).toBe(201);
  });

  it("writes any role when told that they may escalate", async () => {
    await grant(suite, ns, subject, [{ ...ROLES, verbs: ["create", "escalate"] }]);
    const { status } = await suite.allowed(() =>
      user.send("POST", ns.in(RBAC, "roles"), { body: role("strong", [core(["*"], ["*"])]) }),
    );
    expect(status).toBe(201);
  });

  it("cannot point a binding at another role", async () => {
    await grant(suite, ns, subject, [core(["configmaps"], ["get"])]);
    await suite.api.create(ns.in(RBAC, "rolebindings"), binding("bound", { kind: "Role", name: "one" }, [subject]));
    const { status, body } = await suite.api.send("PUT", ns.in(RBAC, "rolebindings", "bound"), {
      body: binding("bound", { kind: "Role", name: "two" }, [subject]),
    });
    expect(status).toBe(422);
    expect(body.message).toContain("cannot change roleRef");
  });
});
