import { setTimeout as sleep } from "node:timers/promises";
import type { SimulatedCluster } from "../../test/support/simulated/cluster.ts";
import type { ControllerProcess } from "../../test/support/simulated/controller-process.ts";
import { atMost, type ScaleRow, told } from "./row.ts";
import { quiet } from "./settling.ts";

/** Kinds that are watched, each by one watch. */
const WATCHES = 9;

/** Kills the API server, so that all watches are cut at once, and starts it again: they resume, and list nothing anew. */
export async function cut(
  cluster: SimulatedCluster,
  controller: ControllerProcess,
  objects: number,
): Promise<ScaleRow[]> {
  await quiet(cluster);
  const lists = () => controller.metric("slipway_informer_lists_total");
  const before = { lists: await lists(), cpu: await controller.cpuSeconds() };
  await cluster.api.kill();
  await cluster.api.start();
  const startedMs = performance.now();
  while ((await cluster.watches()) < WATCHES) await sleep(100);
  const resumedMs = performance.now() - startedMs;
  await quiet(cluster);
  // The server that was started again has counted from nothing.
  const writes = await cluster.writes();
  const beside = { cpuSeconds: (await controller.cpuSeconds()) - before.cpu, writes };
  const relisted = (await lists()) - before.lists;
  return [
    atMost(0, { scale: "all watches cut: lists anew", objects, value: relisted, unit: "requests", beside }),
    told({ scale: "all watches cut: until all are open again", objects, value: resumedMs, unit: "ms" }),
  ];
}
