import type { SimulatedCluster } from "../../test/support/simulated/cluster.ts";
import type { ControllerProcess, ControllerProcessOptions } from "../../test/support/simulated/controller-process.ts";
import { atMost, type ScaleRow } from "./row.ts";
import { probed, quiet } from "./settling.ts";

/** Starts a controller where everything runs already, and follows it until each endpoint has answered it. */
export async function startUp(
  cluster: SimulatedCluster,
  options: Pick<ControllerProcessOptions, "program" | "flags">,
  objects: number,
): Promise<{ readonly controller: ControllerProcess; readonly rows: readonly ScaleRow[] }> {
  const before = { writes: await cluster.writes(), created: cluster.place.created, ms: performance.now() };
  const controller = await cluster.startController(options);
  await probed(controller, objects);
  const seconds = (performance.now() - before.ms) / 1_000;
  const cpuSeconds = await controller.cpuSeconds();
  await quiet(cluster);
  const beside = { cpuSeconds, peakMB: Math.round(await controller.memoryMB("peak")) };
  const writes = (await cluster.writes()) - before.writes;
  const madeAgain = cluster.place.created - before.created;
  return {
    controller,
    rows: [
      atMost(60, { scale: "start-up to steady state", objects, value: seconds, unit: "s", beside }),
      atMost(0, { scale: "start-up: API writes", objects, value: writes, unit: "writes", beside: { madeAgain } }),
    ],
  };
}
