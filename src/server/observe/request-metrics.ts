import { Metrics } from "../../machinery/metrics.ts";
import { registerProcessMetrics } from "../../machinery/process-metrics.ts";
import type { FlowControl } from "../http/flow-control.ts";
import type { ServedRequest } from "./served-request.ts";

export interface RequestMetricsSources {
  readonly flow: Pick<FlowControl, "numbers">;
  /** How many objects of each stored resource there are. */
  readonly objects: () => Iterable<readonly [resource: string, count: number]>;
}

/** What kube-apiserver counts of itself, under its names as far as the same thing is meant, so that its dashboards work. */
export class RequestMetrics {
  readonly #metrics = new Metrics();
  readonly #total = this.#metrics.counter("apiserver_request_total", "Requests by what was asked for and the answer.");
  readonly #seconds = this.#metrics.histogram(
    "apiserver_request_duration_seconds",
    "Time until the answer began, by what was asked for. Watches are left out.",
  );
  #watches = 0;

  constructor({ flow, objects }: RequestMetricsSources) {
    const metrics = this.#metrics;
    metrics.gauge("apiserver_current_inflight_requests", "Requests that are worked on.", () => [
      { value: flow.numbers.seated },
    ]);
    metrics.gauge("apiserver_flowcontrol_current_inqueue_requests", "Requests that wait for their turn.", () => [
      { value: flow.numbers.waiting },
    ]);
    metrics.counterOf("apiserver_flowcontrol_rejected_requests_total", "Requests told to come back.", () => [
      { value: flow.numbers.refused },
    ]);
    metrics.gauge("apiserver_longrunning_requests", "Watches that are open.", () => [
      { labels: { verb: "WATCH" }, value: this.#watches },
    ]);
    metrics.gauge("apiserver_storage_objects", "Objects that are stored, by resource.", () =>
      [...objects()].map(([resource, value]) => ({ labels: { resource }, value })),
    );
    registerProcessMetrics(metrics);
  }

  /** Text of the Prometheus format. */
  render(): Promise<string> {
    return this.#metrics.render();
  }

  /** Labels name only what is served: a stranger's words must make no series. */
  observe({ path, verb, isServed, code, tookMs }: ServedRequest): void {
    const known = isServed && path ? path : undefined;
    const asked = {
      verb: known ? verb.toUpperCase() : "OTHER",
      group: known?.group ?? "",
      resource: known?.resource ?? "",
      subresource: known && KNOWN_SUBRESOURCES.has(known.subresource) ? known.subresource : "",
    };
    this.#total.inc({ ...asked, code: String(code) });
    if (verb !== "watch") this.#seconds.observe(tookMs / 1000, asked);
  }

  /** Counts a watch until the returned function is called. */
  watching(): () => void {
    this.#watches += 1;
    return () => {
      this.#watches -= 1;
    };
  }
}

const KNOWN_SUBRESOURCES: ReadonlySet<string> = new Set(["status", "scale", "token", "finalize"]);
