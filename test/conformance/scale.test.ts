import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { JSON_PATCH, MERGE_PATCH } from "./support/client.ts";
import type { Kind } from "./support/definition.ts";
import { conformance, type Namespace } from "./support/suite.ts";

const suite = conformance();
let kind: Kind;
let ns: Namespace;
let path: string;

beforeAll(async () => {
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
  kind = await suite.kind({ subresources: { status: {}, scale } });
});

beforeEach(async () => {
  ns = await suite.namespace();
  path = kind.in(ns.name, "scaled");
  await suite.api.create(kind.in(ns.name), kind.object("scaled", { spec: { replicas: 2, color: "red" } }));
});

// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#scale-subresource
describe("the scale of a custom object", () => {
  it("writes the replicas and nothing else", async () => {
    const scale = await suite.api.get(`${path}/scale`);
    await suite.api.update(`${path}/scale`, { ...scale, spec: { replicas: 5 } });
    expect((await suite.api.get(path)).spec).toEqual({ replicas: 5, color: "red" });
  });

  it("is of the version that was read", async () => {
    const scale = await suite.api.get(`${path}/scale`);
    await suite.api.merge(path, { spec: { color: "blue" } });
    const { status, body } = await suite.api.send("PUT", `${path}/scale`, {
      body: { ...scale, spec: { replicas: 5 } },
    });
    expect([status, body.reason]).toEqual([409, "Conflict"]);
  });

  it("takes merge and JSON patches", async () => {
    await suite.api.merge(`${path}/scale`, { spec: { replicas: 3 } });
    const patched = await suite.api.jsonPatch(`${path}/scale`, [{ op: "replace", path: "/spec/replicas", value: 4 }]);
    expect(patched).toMatchObject({ kind: "Scale", spec: { replicas: 4 } });
    expect((await suite.api.get(path)).spec).toMatchObject({ replicas: 4 });
  });

  it("is not written by a dry run, and refuses fewer than none", async () => {
    await suite.api.merge(`${path}/scale`, { spec: { replicas: 9 } }, { dryRun: "All" });
    expect((await suite.api.get(path)).spec).toMatchObject({ replicas: 2 });
    const answers = [
      await suite.api.send("PATCH", `${path}/scale`, { type: MERGE_PATCH, body: { spec: { replicas: -1 } } }),
      await suite.api.send("PATCH", `${path}/scale`, {
        type: JSON_PATCH,
        body: [{ op: "replace", path: "/spec/replicas", value: -1 }],
      }),
    ];
    for (const { status, body } of answers) expect([status, body.reason]).toEqual([422, "Invalid"]);
  });

  it("is granted by itself, as an autoscaler is", async () => {
    const rbac = "rbac.authorization.k8s.io";
    await suite.api.create(ns.in(`${rbac}/v1`, "roles"), {
      apiVersion: `${rbac}/v1`,
      kind: "Role",
      metadata: { name: "scaler" },
      rules: [{ apiGroups: [kind.group], resources: ["gadgets/scale"], verbs: ["get", "patch"] }],
    });
    await suite.api.create(ns.in(`${rbac}/v1`, "rolebindings"), {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: { name: "scaler" },
      roleRef: { apiGroup: rbac, kind: "Role", name: "scaler" },
      subjects: [{ apiGroup: rbac, kind: "User", name: `scaler-${ns.name}` }],
    });
    const scaler = suite.api.as(`scaler-${ns.name}`);
    const patch = { type: MERGE_PATCH, body: { spec: { replicas: 7 } } };
    expect((await suite.allowed(() => scaler.send("PATCH", `${path}/scale`, patch))).status).toBe(200);
    expect((await scaler.send("PATCH", path, patch)).status).toBe(403);
  });
});
