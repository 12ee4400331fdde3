import { setTimeout as sleep } from "node:timers/promises";
import type { SimulatedCluster } from "../../test/support/simulated/cluster.ts";
import type { ControllerProcess } from "../../test/support/simulated/controller-process.ts";

/** Far beyond what any machine needs for ten thousand. */
const DEADLINE_MS = 3_600_000;
/** How often it is looked: a list of everything costs the API server more than the controller does. */
const LOOK_MS = 500;

/** Resolves when this many endpoints answer their probes, so that nothing is left to do. */
export async function probed(controller: ControllerProcess, objects: number): Promise<void> {
  await until(`${objects} endpoints answer`, async () => {
    return (await controller.metric("slipway_probe_targets", { verdict: "ready" })) >= objects;
  });
}

/** Resolves when the API has all deployments as Connected. */
export async function connected(cluster: SimulatedCluster, controller: ControllerProcess, objects: number) {
  await probed(controller, objects);
  await until("all are Connected", async () => ((await cluster.phases()).Connected ?? 0) >= objects);
}

/** Resolves when no key waits for a worker: what looks at each deployment once more writes nothing, and is no rest. */
export async function idle(controller: ControllerProcess): Promise<void> {
  await until("no key waits", async () => (await controller.metric("slipway_workqueue_depth")) === 0);
}

/** Longer than the counts of backends and the events wait before they are written. */
const QUIET_MS = 3_000;

/** Resolves when nothing was written for a while. */
export async function quiet(cluster: SimulatedCluster): Promise<void> {
  let before = -1;
  await until(
    "nothing is written any more",
    async () => {
      const writes = await cluster.writes();
      const same = writes === before;
      before = writes;
      return same;
    },
    QUIET_MS,
  );
}

async function until(what: string, look: () => Promise<boolean>, everyMs = LOOK_MS): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await sleep(everyMs);
  }
}
