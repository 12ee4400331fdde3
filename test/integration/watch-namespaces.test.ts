import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import { contractSpec } from "../contract/backend.ts";
import { kubeconfigOf } from "../support/api-server.ts";
import { chartOf, type Manifest } from "../support/chart.ts";
import { eventually } from "../support/eventually.ts";
import { SimulatedCluster, simulatedDeployment } from "../support/simulated/cluster.ts";
import type { ControllerProcess } from "../support/simulated/controller-process.ts";
import { SIMULATED_IMAGE } from "../support/simulated/place.ts";

jest.setTimeout(120_000);

const WATCHED = ["team-a", "team-b"];
const ACCOUNT = "/api/v1/namespaces/slipway-system/serviceaccounts/slipway-controller";
const PLURALS: Readonly<Record<string, string>> = {
  ServiceAccount: "/api/v1/namespaces/slipway-system/serviceaccounts",
  ClusterRole: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  ClusterRoleBinding: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
  Role: "/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/roles",
  RoleBinding: "/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/rolebindings",
};

let cluster: SimulatedCluster;
let controller: ControllerProcess;
let strayAt: Record<"team-a" | "elsewhere", string>;

/** Puts what the chart gives in the place of what the server brings along: the controller has these rights and no others. */
async function grant(objects: readonly Manifest[]): Promise<void> {
  for (const object of objects) {
    const { name, namespace = "" } = object.metadata;
    const collection = PLURALS[object.kind]?.replace("NAMESPACE", namespace);
    if (collection === undefined || !/^slipway-(controller|workloads)$/.test(name)) continue;
    const path = `${collection}/${name}?fieldManager=helm&force=true`;
    const { status, body } = await cluster.api.call("PATCH", path, object, "application/apply-patch+yaml");
    if (status >= 300) throw new Error(`${object.kind} ${name}: ${body.message}`);
  }
}

/** Of the controller's ServiceAccount. */
async function kubeconfigOfAccount(): Promise<string> {
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const { body } = await cluster.api.call("POST", `${ACCOUNT}/token`, request);
  const { token } = body.status as { token: string };
  const path = join(cluster.api.dataDir, "controller.kubeconfig");
  await writeFile(path, JSON.stringify(kubeconfigOf({ ...cluster.api.announced, name: "controller", token })));
  return path;
}

/** A workload that belongs to no deployment, in a namespace. Answers its id. */
function stray(namespace: string): string {
  const owner = { uid: randomUUID(), namespace, name: "gone" };
  const spec = contractSpec({ owner, image: { pinned: SIMULATED_IMAGE }, port: 8080 });
  return cluster.place.engine.add(spec, { role: "current", hostPort: undefined }, "simulated").id;
}

beforeAll(async () => {
  cluster = await SimulatedCluster.start();
  await cluster.createNamespaces(...WATCHED, "elsewhere");
  await grant(chartOf({ watchNamespaces: WATCHED }).objects);
  strayAt = { "team-a": stray("team-a"), elsewhere: stray("elsewhere") };
  for (const namespace of [...WATCHED, "elsewhere"]) {
    await cluster.client.create(runtimeDeployments, simulatedDeployment(namespace, "server"));
  }
  controller = await cluster.startController({
    kubeconfig: await kubeconfigOfAccount(),
    flags: WATCHED.flatMap((name) => ["--watch-namespace", name]),
  });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const phaseIn = async (namespace: string) =>
  (await cluster.client.get(runtimeDeployments, { namespace, name: "server" })).status?.phase;

describe("a controller of two namespaces, with the rights that the chart gives it", () => {
  it("runs what is there", async () => {
    const explain = () => controller.said.slice(-4_000);
    for (const namespace of WATCHED) {
      await eventually(`${namespace} runs`, async () => (await phaseIn(namespace)) === "Connected", { explain });
    }
    expect((await fetch(`${controller.metricsUrl}/readyz`)).status).toBe(200);
  });

  it("asks for nothing that it may not have", async () => {
    const refused = (await cluster.api.text("/metrics"))
      .split("\n")
      .filter((line) => line.startsWith("apiserver_request_total") && line.includes('code="403"'));
    expect(refused).toEqual([]);
  });

  it("touches nothing elsewhere", async () => {
    const { metadata, status } = await cluster.client.get(runtimeDeployments, {
      namespace: "elsewhere",
      name: "server",
    });
    expect(status).toBeUndefined();
    expect(metadata.finalizers).toBeUndefined();
  });

  it("clears away what nobody owns here, and leaves what may be owned elsewhere", async () => {
    const { containers } = cluster.place.engine;
    await eventually("the stray is gone", () => !containers.has(strayAt["team-a"]));
    expect(containers.has(strayAt.elsewhere)).toBe(true);
  });

  it("serves at its gateway what is there, and knows of nothing else", async () => {
    const codeAt = async (namespace: string) =>
      (await fetch(`${controller.gatewayUrl}/${namespace}/server/mcp`, { method: "DELETE" })).status;
    expect(await codeAt("elsewhere")).toBe(404);
    expect(await codeAt("team-a")).not.toBe(404);
  });

  it("takes up what is made later", async () => {
    await cluster.client.create(runtimeDeployments, simulatedDeployment("team-b", "later"));
    await eventually("it runs", async () => {
      const later = await cluster.client.get(runtimeDeployments, { namespace: "team-b", name: "later" });
      return later.status?.phase === "Connected";
    });
  });
});
