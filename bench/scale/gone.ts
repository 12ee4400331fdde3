import { setTimeout as sleep } from "node:timers/promises";
import { FaultyApi } from "../../test/support/faulty-api/faulty-api.ts";
import type { SimulatedCluster } from "../../test/support/simulated/cluster.ts";
import type { ControllerProcessOptions } from "../../test/support/simulated/controller-process.ts";
import { atMost, type ScaleRow, told } from "./row.ts";
import { countsOf, difference, heapOf, sumOf } from "./settled.ts";
import { idle, probed, quiet } from "./settling.ts";

/** Kinds that are watched, each by one watch. */
const WATCHES = 9;
/** Objects of a page; the informer's. */
const PAGE = 500;

/**
 * Cuts all watches of a controller and answers each that resumes with 410, as an API server does that was restored or has compacted its
 * history: each kind is listed anew once, page by page.
 */
export async function gone(
  cluster: SimulatedCluster,
  options: Pick<ControllerProcessOptions, "program" | "flags">,
  objects: number,
): Promise<ScaleRow[]> {
  await using api = await FaultyApi.start(cluster.kubeconfig);
  await using controller = await cluster.startController({ ...options, kubeconfig: api.kubeconfig });
  await probed(controller, objects);
  await quiet(cluster);
  await idle(controller);
  const lists = () => controller.metric("slipway_informer_lists_total");
  const before = {
    ...(await countsOf(cluster, controller)),
    ...{ lists: await lists(), pages: api.pages.length, heap: await heapOf(controller) },
    cpu: await controller.cpuSeconds(),
  };
  await controller.forgetPeak();
  const startedMs = performance.now();
  api.faults.goneWatches = WATCHES;
  api.cutWatches();
  while ((await lists()) < before.lists + WATCHES || api.openWatches < WATCHES) await sleep(50);
  const caughtUpMs = performance.now() - startedMs;
  await quiet(cluster);
  const after = await countsOf(cluster, controller);
  const writes = difference(before.writes, after.writes);
  const pages = api.pages.slice(before.pages);
  const of = (what: string) => ({ scale: `all watches gone (410): ${what}`, objects });
  return [
    atMost(WATCHES, {
      ...{ ...of("lists anew"), value: (await lists()) - before.lists, unit: "requests" },
      beside: { spreadMs: spreadOf(pages) },
    }),
    atMost(Math.ceil(objects / PAGE) + WATCHES, { ...of("pages of these"), value: pages.length, unit: "requests" }),
    atMost(0, {
      ...{ ...of("API writes"), value: sumOf(writes), unit: "writes" },
      beside: { ...writes, reconciles: after.reconciles - before.reconciles },
    }),
    told({
      ...{ ...of("until caught up"), value: caughtUpMs / 1_000, unit: "s" },
      beside: { cpuSeconds: (await controller.cpuSeconds()) - before.cpu },
    }),
    told({
      ...{ ...of("resident memory at its most meanwhile"), value: await controller.memoryMB("peak"), unit: "MB" },
      beside: { beforeMB: before.heap.nowMB ?? 0, ...(await heapOf(controller)) },
    }),
  ];
}

/** How far apart the first pages of the kinds were asked for, in milliseconds. */
function spreadOf(pages: FaultyApi["pages"]): number {
  const first = new Map<string, number>();
  for (const { path, atMs } of pages) if (!first.has(path)) first.set(path, atMs);
  return Math.round(Math.max(...first.values()) - Math.min(...first.values()));
}
