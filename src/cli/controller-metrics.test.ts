import { expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { Metrics } from "../machinery/metrics.ts";
import { WorkQueue } from "../machinery/workqueue.ts";
import { controllerMetrics } from "./controller-metrics.ts";

function start(deployments: readonly RuntimeDeployment[] = []) {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const callbacks = controllerMetrics(metrics, { clock, deployments: () => deployments, backendTypes: ["docker"] });
  const lines = async (name: string) =>
    (await metrics.render()).split("\n").filter((line) => line.startsWith(name) && !line.endsWith(" 0"));
  return { clock, callbacks, lines };
}

const notReady = (reason: string): RuntimeDeployment =>
  ({ status: { phase: "Error", conditions: [{ type: "Ready", status: "False", reason }] } }) as RuntimeDeployment;

it("tells what a queue holds, how long keys waited, and how old the work under way is", async () => {
  const { clock, callbacks, lines } = start();
  const queue = new WorkQueue({ clock, metrics: callbacks.deployments?.queue ?? {} });
  for (const name of ["a", "b", "c"]) queue.add({ namespace: "ns", name });
  await clock.advance(2_000);
  const first = await queue.take();
  const second = await queue.take();
  await clock.advance(3_000);
  if (!first || !second) throw new Error("nothing was handed out");
  queue.done(first);
  queue.addRateLimited(first, 60_000);
  await clock.advance(1_000);
  const of = 'slipway_workqueue_X{controller="runtimedeployment"}';
  const told = await lines("slipway_workqueue_");
  for (const [name, value] of [
    ["adds_total", 3],
    ["retries_total", 1],
    ["depth", 1],
    ["delayed", 1],
    ["queue_duration_seconds_sum", 4],
    ["work_duration_seconds_sum", 3],
    ["longest_running_processor_seconds", 4],
    ["unfinished_work_seconds", 4],
  ] as const) {
    expect(told).toContain(`${of.replace("X", name)} ${value}`);
  }
});

it("tells how old a cache may be, and how its watch fares", async () => {
  const { clock, callbacks, lines } = start();
  const informer = callbacks.informer?.("secrets");
  informer?.attached?.({ size: 7 });
  expect(await lines("slipway_informer_lag_seconds")).toEqual([]);
  informer?.listed?.(7, 250);
  await clock.advance(30_000);
  informer?.contact?.(30_000);
  informer?.watchEnded?.("expired");
  await clock.advance(5_000);
  expect(await lines("slipway_informer_lag_seconds")).toEqual(['slipway_informer_lag_seconds{resource="secrets"} 5']);
  expect(await lines("slipway_informer_objects")).toEqual(['slipway_informer_objects{resource="secrets"} 7']);
  expect(await lines("slipway_informer_lists_total")).toEqual(['slipway_informer_lists_total{resource="secrets"} 1']);
  expect(await lines("slipway_informer_watch_ends_total")).toEqual([
    'slipway_informer_watch_ends_total{resource="secrets",reason="expired"} 1',
  ]);
});

it("counts reconciles, repairs and what is not ready, by few labels whatever a status says", async () => {
  const { callbacks, lines } = start(Array.from({ length: 500 }, (_, index) => notReady(`Reason${index}`)));
  callbacks.deployments?.reconciled?.("error", 1_500);
  callbacks.repaired?.("docker", "gone");
  expect(await lines("slipway_reconcile_total")).toEqual([
    'slipway_reconcile_total{controller="runtimedeployment",result="error"} 1',
  ]);
  expect(await lines("slipway_drift_repairs_total")).toEqual([
    'slipway_drift_repairs_total{type="docker",what="gone"} 1',
  ]);
  const reasons = await lines("slipway_deployments_not_ready");
  expect(reasons).toHaveLength(101);
  expect(reasons.at(-1)).toBe('slipway_deployments_not_ready{reason="Other"} 400');
  expect(await lines("slipway_deployments{")).toEqual(['slipway_deployments{phase="Error"} 500']);
});
