import type { CallBudget } from "./call-budget.ts";
import { matrix, type Series } from "./resources/samples.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";

/** An hour of one app, a sample a minute, is some ten kilobytes for each status and revision. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Names of metrics and labels, which are not quoted in a query. */
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export interface MetricRange {
  readonly metric: string;
  /** Values that the labels must have, any text. */
  readonly labels: Readonly<Record<string, string>>;
  /** How far back, up to now. Milliseconds. */
  readonly spanMs: number;
}

export interface MonitoringOptions {
  readonly transport: Transport;
  /** Where the service listens, up to `/prometheus`. */
  readonly base: string;
  readonly instanceId: string;
  readonly budget: CallBudget;
}

/**
 * Metrics from the IBM Cloud Monitoring instance that gets a region's platform metrics, by Prometheus' API. They have one
 * sample a minute and lag about five minutes behind: longer than an instant query looks back, so that only ranges are asked.
 */
export class Monitoring {
  readonly #options: MonitoringOptions;

  constructor(options: MonitoringOptions) {
    this.#options = options;
  }

  /** Samples as they were taken, of each series that matches; none where there is no such series. @throws {CodeEngineError} */
  async samples(range: MetricRange, options: CallOptions): Promise<readonly Series[]> {
    const { transport, base, instanceId, budget } = this.#options;
    const call: Call = {
      service: "IBM Cloud Monitoring",
      operation: "query metrics",
      ...{ method: "GET", base, path: ["prometheus", "api", "v1", "query"], budget },
      query: { query: rangeQuery(range) },
      headers: { IBMInstanceID: instanceId },
      maxBytes: MAX_ANSWER_BYTES,
    };
    return await transport.send(call, matrix, options);
  }
}

/**
 * In PromQL, whose text between double quotes is Go's: what JSON escapes, Go reads.
 * @throws {TypeError} for a metric or label that is not a name, and a span that is no time
 */
export function rangeQuery({ metric, labels, spanMs }: MetricRange): string {
  const names = [metric, ...Object.keys(labels)];
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong !== undefined) throw new TypeError(`${JSON.stringify(wrong)} is no name of a metric or label`);
  const seconds = Math.round(spanMs / 1_000);
  if (!(seconds > 0)) throw new TypeError(`${spanMs} ms is no span`);
  const matchers = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${metric}{${matchers.join(",")}}[${seconds}s]`;
}
