import { beforeAll, describe, expect, it } from "@jest/globals";
import type { Kind } from "./support/definition.ts";
import { deployment } from "./support/objects.ts";
import { conformance } from "./support/suite.ts";

const suite = conformance();
let kind: Kind;

beforeAll(async () => {
  kind = await suite.kind();
});

// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#spec-and-status
describe("the status of an object", () => {
  it("and its spec are written at the same time by two writers that do not know each other", async () => {
    const ns = await suite.namespace();
    const path = kind.in(ns.name, "shared");
    await suite.api.create(kind.in(ns.name), kind.object("shared", { spec: { size: 0 } }));
    const write = async (at: string, part: (round: number) => object) => {
      for (let round = 1; round <= 10; round++) await suite.api.merge(at, part(round));
    };
    await Promise.all([
      write(path, (size) => ({ spec: { size } })),
      write(`${path}/status`, (replicas) => ({ status: { replicas } })),
    ]);
    const found = await suite.api.get(path);
    expect(found).toMatchObject({ spec: { size: 10 }, status: { replicas: 10 }, metadata: { generation: 11 } });
  });

  it("is not what an update of a Deployment says", async () => {
    const ns = await suite.namespace();
    const path = ns.in("apps/v1", "deployments", "web");
    await suite.api.create(ns.in("apps/v1", "deployments"), deployment("web"));
    const patched = await suite.api.merge(path, { status: { collisionCount: 7 } });
    expect(patched.status).not.toHaveProperty("collisionCount");
  });

  // deploymentStatusStrategy.PrepareForUpdate, pkg/registry/apps/deployment/strategy.go
  it("is all that an update of a Deployment's status writes, labels and spec stay", async () => {
    const ns = await suite.namespace();
    const path = ns.in("apps/v1", "deployments", "web");
    await suite.api.create(ns.in("apps/v1", "deployments"), deployment("web"));
    const patched = await suite.api.merge(`${path}/status`, {
      metadata: { labels: { from: "status" } },
      spec: { paused: true },
      status: { collisionCount: 7 },
    });
    expect(patched.status).toMatchObject({ collisionCount: 7 });
    expect(patched.spec).not.toHaveProperty("paused");
    expect(patched.metadata.labels).toBeUndefined();
  });

  it("is read with the whole object", async () => {
    const ns = await suite.namespace();
    await suite.api.create(kind.in(ns.name), kind.object("whole", { spec: { color: "red" } }));
    await suite.api.merge(`${kind.in(ns.name, "whole")}/status`, { status: { phase: "Up" } });
    const found = await suite.api.get(`${kind.in(ns.name, "whole")}/status`);
    expect(found).toMatchObject({ kind: "Gadget", spec: { color: "red" }, status: { phase: "Up" } });
    expect(found).toEqual(await suite.api.get(kind.in(ns.name, "whole")));
  });

  it("is refused to a writer who saw an older object", async () => {
    const ns = await suite.namespace();
    const made = await suite.api.create(kind.in(ns.name), kind.object("stale", { spec: { size: 1 } }));
    await suite.api.merge(kind.in(ns.name, "stale"), { spec: { size: 2 } });
    const { status, body } = await suite.api.send("PUT", `${kind.in(ns.name, "stale")}/status`, {
      body: { ...made, status: { phase: "Up" } },
    });
    expect([status, body.reason]).toEqual([409, "Conflict"]);
  });

  it("can neither be created nor deleted by itself", async () => {
    const ns = await suite.namespace();
    const made = await suite.api.create(kind.in(ns.name), kind.object("whole"));
    const path = `${kind.in(ns.name, "whole")}/status`;
    for (const [method, body] of [["POST", made] as const, ["DELETE", undefined] as const]) {
      const answer = await suite.api.send(method, path, body ? { body } : {});
      expect([method, answer.status, answer.body.reason]).toEqual([method, 405, "MethodNotAllowed"]);
    }
  });

  it("is granted by itself", async () => {
    const ns = await suite.namespace();
    await suite.api.create(ns.in("rbac.authorization.k8s.io/v1", "roles"), {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "reporter" },
      rules: [{ apiGroups: [kind.group], resources: ["gadgets/status"], verbs: ["patch"] }],
    });
    await suite.api.create(ns.in("rbac.authorization.k8s.io/v1", "rolebindings"), {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "reporter" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reporter" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: `reporter-${ns.name}` }],
    });
    await suite.api.create(kind.in(ns.name), kind.object("reported"));
    const reporter = suite.api.as(`reporter-${ns.name}`);
    const path = kind.in(ns.name, "reported");
    const patch = { type: "application/merge-patch+json", body: { status: { phase: "Up" } } };
    await suite.allowed(() => reporter.send("PATCH", `${path}/status`, patch));
    expect((await reporter.send("PATCH", path, patch)).status).toBe(403);
  });
});
