import type { SimulatedCluster } from "../../test/support/simulated/cluster.ts";
import type { ControllerProcess } from "../../test/support/simulated/controller-process.ts";
import { type ScaleRow, told } from "./row.ts";
import { connected } from "./settling.ts";

export interface Convergence {
  readonly rows: readonly ScaleRow[];
  /** Milliseconds of the controller's CPU for each deployment: what a busy machine blurs least. */
  readonly cpuMsEach: number;
}

/** Makes deployments `from` to `to`, and follows them until all are Connected. */
export async function converge(
  cluster: SimulatedCluster,
  controller: ControllerProcess,
  { from = 0, to }: { readonly from?: number; readonly to: number },
): Promise<Convergence> {
  const objects = to - from;
  const before = { cpu: await controller.cpuSeconds(), writes: await cluster.writes(), ms: performance.now() };
  await cluster.createDeployments(from, to);
  await connected(cluster, controller, to);
  const cpuMsEach = ((await controller.cpuSeconds()) - before.cpu) * (1_000 / objects);
  const reconciles = await controller.metric("slipway_reconcile_total", { controller: "runtimedeployment" });
  // One write of each is its creation, by somebody else.
  const writes = (await cluster.writes()) - before.writes - objects;
  const beside = {
    wallSeconds: Math.round((performance.now() - before.ms) / 1_000),
    reconcilesEach: Math.round((10 * reconciles) / to) / 10,
    writesEach: Math.round((10 * writes) / objects) / 10,
    peakMB: Math.round(await controller.memoryMB("peak")),
  };
  return {
    rows: [told({ scale: "converge: CPU for each deployment", objects, value: cpuMsEach, unit: "ms of CPU", beside })],
    cpuMsEach,
  };
}
