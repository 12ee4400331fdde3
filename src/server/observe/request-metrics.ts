import type { Counter, Histogram, Metrics } from "../../machinery/metrics.ts";
import { registerProcessMetrics } from "../../machinery/process-metrics.ts";
import type { FlowControl } from "../http/flow-control.ts";
import type { ServedRequest } from "./served-request.ts";

export interface RequestMetricsSources {
  /** Where these are told, with whatever else the server counts. */
  readonly metrics: Metrics;
  readonly flow: Pick<FlowControl, "numbers">;
  /** How many objects of each stored resource there are. */
  readonly objects: () => Iterable<readonly [resource: string, count: number]>;
}

/** What kube-apiserver counts of itself, under its names as far as the same thing is meant, so that its dashboards work. */
export class RequestMetrics {
  readonly #metrics: Metrics;
  readonly #total: Counter;
  readonly #seconds: Histogram;
  /** By what was asked and answered: written out once, since there are thousands a second. */
  readonly #series = new Map<string, RequestSeries>();
  #watches = 0;

  constructor({ metrics, flow, objects }: RequestMetricsSources) {
    this.#metrics = metrics;
    this.#total = metrics.counter("apiserver_request_total", "Requests by what was asked for and the answer.");
    this.#seconds = metrics.histogram(
      "apiserver_request_duration_seconds",
      "Time until the answer began, by what was asked for. Watches are left out.",
    );
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

  observe({ path, verb, isServed, code, tookMs }: ServedRequest): void {
    const known = isServed ? path : undefined;
    const key = known ? `${code} ${verb} ${known.group}/${known.resource}/${known.subresource}` : String(code);
    const series = this.#series.get(key) ?? this.#add(key, { known, verb, code });
    series.count();
    if (verb !== "watch") series.observe(tookMs / 1000);
  }

  /** Labels name only what is served: a stranger's words must make no series. */
  #add(
    key: string,
    { known, verb, code }: { known: ServedRequest["path"]; verb: string; code: number },
  ): RequestSeries {
    const asked = {
      verb: known ? verb.toUpperCase() : "OTHER",
      group: known?.group ?? "",
      resource: known?.resource ?? "",
      subresource: known && KNOWN_SUBRESOURCES.has(known.subresource) ? known.subresource : "",
    };
    const series = { count: this.#total.of({ ...asked, code: String(code) }), observe: this.#seconds.of(asked) };
    // Strangers choose subresources.
    if (this.#series.size < MAX_SERIES) this.#series.set(key, series);
    return series;
  }

  /** Counts a watch until the returned function is called. */
  watching(): () => void {
    this.#watches += 1;
    return () => {
      this.#watches -= 1;
    };
  }
}

const MAX_SERIES = 1_000;

interface RequestSeries {
  readonly count: () => void;
  readonly observe: (seconds: number) => void;
}

const KNOWN_SUBRESOURCES: ReadonlySet<string> = new Set(["status", "scale", "token", "finalize"]);
