import { setTimeout as sleep } from "node:timers/promises";
import type { SimulatedCluster } from "../../test/support/simulated/cluster.ts";
import type { ControllerProcess } from "../../test/support/simulated/controller-process.ts";
import { atLeast, atMost, below, type ScaleRow } from "./row.ts";
import { idle, quiet } from "./settling.ts";

/** Of the deployments of a SimulatedCluster. */
const PROBE_SECONDS = 30;
const LOOK_MS = 1_000;

type Counts = Readonly<Record<string, number>>;

export interface SettledOptions {
  readonly objects: number;
  /** How long it is watched. */
  readonly seconds: number;
  /** What came before, in words. */
  readonly after: string;
}

/** What a controller costs that has nothing to do but to look. */
export async function settled(
  cluster: SimulatedCluster,
  controller: ControllerProcess,
  { objects, seconds, after }: SettledOptions,
): Promise<ScaleRow[]> {
  await quiet(cluster);
  await idle(controller);
  const before = await countsOf(cluster, controller);
  const startedMs = performance.now();
  const startedCpu = await controller.cpuSeconds();
  let mostMB = await controller.memoryMB();
  while (performance.now() - startedMs < seconds * 1_000) {
    await sleep(LOOK_MS);
    mostMB = Math.max(mostMB, await controller.memoryMB());
  }
  const passedMs = performance.now() - startedMs;
  const cpuSeconds = (await controller.cpuSeconds()) - startedCpu;
  const now = await countsOf(cluster, controller);
  const writes = difference(before.writes, now.writes);
  const of = (what: string) => ({ scale: `settled after ${after}: ${what}`, objects });
  return [
    atMost(0, {
      ...{ ...of("API writes"), value: sumOf(writes), unit: "writes" },
      beside: { seconds: Math.round(passedMs / 1_000), ...writes },
    }),
    atLeast(objects * Math.floor(seconds / PROBE_SECONDS), {
      ...{ ...of("probes"), value: now.probes - before.probes, unit: "probes" },
      beside: { reconciles: now.reconciles - before.reconciles },
    }),
    below(2, {
      ...{ ...of("CPU"), value: (100_000 * cpuSeconds) / passedMs, unit: "% of a core" },
      beside: { cpuSeconds },
    }),
    below(300, {
      ...{ ...of("resident memory at its most"), value: mostMB, unit: "MB" },
      beside: { ...(await heapOf(controller)), peakSinceStartMB: Math.round(await controller.memoryMB("peak")) },
    }),
  ];
}

/** Resident memory and what of it the main thread's heap is, now, in MB. */
export async function heapOf(controller: ControllerProcess): Promise<Record<string, number>> {
  const inMB = async (name: string) => Math.round((await controller.metric(name)) / 1e6);
  return {
    nowMB: Math.round(await controller.memoryMB()),
    heapUsedMB: await inMB("nodejs_heap_size_used_bytes"),
    externalMB: await inMB("nodejs_external_memory_bytes"),
  };
}

export async function countsOf(cluster: SimulatedCluster, controller: ControllerProcess) {
  return {
    writes: await cluster.writesByVerb(),
    probes: await controller.metric("slipway_probes_total"),
    reconciles: await controller.metric("slipway_reconcile_total", { controller: "runtimedeployment" }),
  };
}

/** By name, of two counts with the same names. */
export function difference(before: Counts, after: Counts): Counts {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));
}

export function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
