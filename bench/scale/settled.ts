import { setTimeout as sleep } from "node:timers/promises";
import type { SimulatedCluster } from "../../test/support/simulated/cluster.ts";
import type { ControllerProcess } from "../../test/support/simulated/controller-process.ts";
import { atMost, type ScaleRow } from "./row.ts";
import { quiet } from "./settling.ts";

/** What a controller costs that has nothing to do but to look, for `seconds`. */
export async function settled(
  cluster: SimulatedCluster,
  controller: ControllerProcess,
  { objects, seconds }: { readonly objects: number; readonly seconds: number },
): Promise<ScaleRow[]> {
  await quiet(cluster);
  const before = { cpu: await controller.cpuSeconds(), writes: await cluster.writes(), ms: performance.now() };
  const probesBefore = await controller.metric("slipway_probes_total");
  await sleep(seconds * 1_000);
  const passedMs = performance.now() - before.ms;
  const cpuMs = ((await controller.cpuSeconds()) - before.cpu) * 1_000;
  const probes = (await controller.metric("slipway_probes_total")) - probesBefore;
  const beside = { seconds: Math.round(passedMs / 1_000), probes };
  const writes = (await cluster.writes()) - before.writes;
  return [
    atMost(0, { scale: "settled: API writes", objects, value: writes, unit: "writes", beside }),
    atMost(2, { scale: "settled: CPU", objects, value: (100 * cpuMs) / passedMs, unit: "% of a core", beside }),
    atMost(300, { scale: "settled: memory", objects, value: await controller.memoryMiB(), unit: "MiB" }),
  ];
}
