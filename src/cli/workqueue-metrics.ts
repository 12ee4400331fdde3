import type { Metrics } from "../machinery/metrics.ts";
import type { WorkQueueMetrics, WorkQueueState } from "../machinery/workqueue.ts";

/** From a tenth of a millisecond to five minutes: a queue that does not drain shows how late it is. */
const BUCKETS: readonly number[] = [0.0001, 0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300];

/**
 * Registers what queues tell, and answers the callbacks of one queue by its controller's name. The names are client-go's behind
 * our own prefix, so that what is known of one is known of the other.
 */
export function workQueueMetrics(metrics: Metrics): (controller: string) => WorkQueueMetrics {
  const queues = new Map<string, WorkQueueState>();
  const adds = metrics.counter("slipway_workqueue_adds_total", "Keys that were added to a queue.");
  const retries = metrics.counter("slipway_workqueue_retries_total", "Keys that were added again after a failure.");
  const latency = metrics.histogram(
    "slipway_workqueue_queue_duration_seconds",
    "Time that a key waited for a worker.",
    BUCKETS,
  );
  const work = metrics.histogram(
    "slipway_workqueue_work_duration_seconds",
    "Time for which a key was worked on.",
    BUCKETS,
  );
  const gauge = (name: string, help: string, value: (queue: WorkQueueState) => number) =>
    metrics.gauge(name, help, () =>
      [...queues].map(([controller, queue]) => ({ labels: { controller }, value: value(queue) })),
    );
  gauge("slipway_workqueue_depth", "Keys that wait for a worker.", ({ depth }) => depth);
  gauge(
    "slipway_workqueue_delayed",
    "Keys that wait for their time: retries, and the next look.",
    (queue) => queue.delayed,
  );
  gauge("slipway_workqueue_longest_running_processor_seconds", "Age of the oldest work under way.", (queue) =>
    seconds(Math.max(0, ...queue.runningMs())),
  );
  gauge("slipway_workqueue_unfinished_work_seconds", "Ages of all work under way, summed up.", (queue) =>
    seconds(queue.runningMs().reduce((sum, ms) => sum + ms, 0)),
  );
  return (controller) => {
    const [observeLatency, observeWork] = [latency.of({ controller }), work.of({ controller })];
    // Told from the start, so that an increase can be told from a beginning.
    retries.inc({ controller }, 0);
    return {
      added: adds.of({ controller }),
      retried: retries.of({ controller }),
      latency: (ms) => observeLatency(seconds(ms)),
      workDuration: (ms) => observeWork(seconds(ms)),
      attached: (queue) => queues.set(controller, queue),
    };
  };
}

function seconds(ms: number): number {
  return ms / 1_000;
}
