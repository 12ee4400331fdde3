import { setTimeout as sleep } from "node:timers/promises";
import { type RuntimeDeployment, runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import {
  nameOf,
  namespaceOf,
  type SimulatedCluster,
  simulatedDeployment,
} from "../../test/support/simulated/cluster.ts";
import type { ControllerProcess } from "../../test/support/simulated/controller-process.ts";
import { atMost, type ScaleRow, told } from "./row.ts";

const PER_NAMESPACE = 100;
const EDITORS = 8;

/** How long one deployment in a namespace of its own takes to be Connected, while all of another one is edited without a pause. */
export async function fairness(
  cluster: SimulatedCluster,
  controller: ControllerProcess,
  objects: number,
): Promise<ScaleRow[]> {
  await cluster.createNamespaces("calm");
  const calmMs = await connectOne(cluster, "before");
  const storm = new AbortController();
  const edited = { count: 0 };
  const editors = Array.from({ length: EDITORS }, (_, at) => edit(cluster, { at, objects, edited }, storm.signal));
  await sleep(2_000);
  const reconciles = () => controller.metric("slipway_reconcile_total", { controller: "runtimedeployment" });
  const before = await reconciles();
  const stormMs = await connectOne(cluster, "during");
  const others = (await reconciles()) - before;
  storm.abort();
  await Promise.all(editors);
  const beside = { edits: edited.count, reconcilesMeanwhile: others };
  return [
    told({ scale: "one deployment while nothing else happens", objects, value: calmMs, unit: "ms" }),
    atMost(10_000, {
      ...{ scale: "one deployment during a storm of edits in another namespace", objects, value: stormMs },
      ...{ unit: "ms", beside },
    }),
  ];
}

async function connectOne(cluster: SimulatedCluster, name: string): Promise<number> {
  const startedMs = performance.now();
  await cluster.client.create(runtimeDeployments, simulatedDeployment("calm", name));
  for (;;) {
    const { status } = await cluster.client.get(runtimeDeployments, { namespace: "calm", name });
    if (status?.phase === "Connected") return performance.now() - startedMs;
    await sleep(20);
  }
}

/** Edits the deployments of the first namespace in turn: another period between probes is a new generation, and no new workload. */
async function edit(
  { client }: SimulatedCluster,
  { at, objects, edited }: { readonly at: number; readonly objects: number; readonly edited: { count: number } },
  signal: AbortSignal,
): Promise<void> {
  const all = Math.min(PER_NAMESPACE, objects);
  for (let turn = at; !signal.aborted; turn += EDITORS) {
    const key = { namespace: namespaceOf(0), name: nameOf(turn % all) };
    const body = { spec: { health: { periodSeconds: 30 + (Math.floor(turn / all) % 2) } } };
    await client.patch<RuntimeDeployment>(runtimeDeployments, key, { type: "merge", body });
    edited.count += 1;
  }
}
