/** Label values by label name. Never from what a stranger sends: each combination is kept. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

export interface Counter {
  inc(labels?: Labels, by?: number): void;
  /** Counts one series, for what is counted often: its labels are written out once. */
  of(labels: Labels): () => void;
}

export interface Histogram {
  /** In the unit that the metric's name says, seconds as a rule. */
  observe(value: number, labels?: Labels): void;
  /** Observes one series, for what is observed often. */
  of(labels: Labels): (value: number) => void;
}

/** Combinations of labels that one metric keeps. Further ones are dropped: a mistake must not fill the memory. */
const SERIES_LIMIT = 1_000;

/** From a millisecond to ten seconds. */
const DEFAULT_BUCKETS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  lines(): Iterable<string> | Promise<Iterable<string>>;
}

/**
 * What the process counts, told in the Prometheus text format 0.0.4. Names are given in full, by the conventions of
 * Prometheus: `slipway_probes_total`. Small on purpose: prom-client costs 37 ms and 16 MB at every start.
 */
export class Metrics {
  readonly #metrics = new Map<string, Metric>();

  counter(name: string, help: string): Counter {
    const series = new Series();
    this.#add({ name, help, type: "counter", lines: () => series.lines(name) });
    return {
      inc: (labels, by = 1) => series.add(labelText(labels), by),
      of(labels) {
        const key = labelText(labels);
        return () => series.add(key, 1);
      },
    };
  }

  /** Asks for its values when it is told. */
  gauge(name: string, help: string, collect: () => Iterable<Sample> | Promise<Iterable<Sample>>): void {
    this.#add({ name, help, type: "gauge", lines: async () => sampleLines(name, await collect()) });
  }

  /** A counter that something else keeps. */
  counterOf(name: string, help: string, collect: () => Iterable<Sample> | Promise<Iterable<Sample>>): void {
    this.#add({ name, help, type: "counter", lines: async () => sampleLines(name, await collect()) });
  }

  histogram(name: string, help: string, buckets: readonly number[] = DEFAULT_BUCKETS): Histogram {
    const distributions = new Map<string, Distribution>();
    this.#add({
      name,
      help,
      type: "histogram",
      lines: () => [...distributions.values()].flatMap((each) => [...each.lines(name)]),
    });
    const distributionOf = (labels: Labels | undefined): Distribution | undefined => {
      const key = labelText(labels);
      const known = distributions.get(key);
      if (known || distributions.size >= SERIES_LIMIT) return known;
      const distribution = new Distribution(labels, buckets);
      distributions.set(key, distribution);
      return distribution;
    };
    return {
      observe: (value, labels) => distributionOf(labels)?.add(value),
      of(labels) {
        const distribution = distributionOf(labels);
        return (value) => distribution?.add(value);
      },
    };
  }

  /** Everything, one metric after the other in the order of registration. */
  async render(): Promise<string> {
    const parts: string[] = [];
    for (const metric of this.#metrics.values()) {
      const { name, help, type } = metric;
      parts.push(`# HELP ${name} ${help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}`, `# TYPE ${name} ${type}`);
      parts.push(...(await metric.lines()));
    }
    return `${parts.join("\n")}\n`;
  }

  #add(metric: Metric): void {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(metric.name)) throw new Error(`metric name: ${metric.name}`);
    if (this.#metrics.has(metric.name)) throw new Error(`metric ${metric.name} is registered already`);
    this.#metrics.set(metric.name, metric);
  }
}

/** Values by label set, bounded. */
class Series {
  readonly #values = new Map<string, number>();

  /** `key`: its labels as text. */
  add(key: string, by: number): void {
    const value = this.#values.get(key);
    if (value === undefined && this.#values.size >= SERIES_LIMIT) return;
    this.#values.set(key, (value ?? 0) + by);
  }

  *lines(name: string): Generator<string> {
    for (const [key, value] of this.#values) yield `${name}${key} ${numberText(value)}`;
  }
}

/** One series of a histogram. Adding to it is cheap: sums over buckets are made when they are told. */
class Distribution {
  readonly #labels: Labels | undefined;
  readonly #buckets: readonly number[];
  /** By bucket, the last for what is above all of them. */
  readonly #counts: number[];
  #sum = 0;

  constructor(labels: Labels | undefined, buckets: readonly number[]) {
    this.#labels = labels;
    this.#buckets = buckets;
    this.#counts = new Array<number>(buckets.length + 1).fill(0);
  }

  add(value: number): void {
    const found = this.#buckets.findIndex((bound) => value <= bound);
    const index = found < 0 ? this.#buckets.length : found;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
  }

  *lines(name: string): Generator<string> {
    let count = 0;
    for (const [index, own] of this.#counts.entries()) {
      count += own;
      const le = String(this.#buckets[index] ?? "+Inf");
      yield `${name}_bucket${labelText({ ...this.#labels, le })} ${count}`;
    }
    const labels = labelText(this.#labels);
    yield `${name}_sum${labels} ${numberText(this.#sum)}`;
    yield `${name}_count${labels} ${count}`;
  }
}

function* sampleLines(name: string, samples: Iterable<Sample>): Generator<string> {
  for (const { labels, value } of samples) yield `${name}${labelText(labels)} ${numberText(value)}`;
}

function labelText(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
