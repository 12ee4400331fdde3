/** One line of `make bench`. */
export interface Row {
  /** What was measured, in words. */
  readonly bench: string;
  readonly unit: "ms" | "MB" | "per second";
  /** Median of `runs`. */
  readonly slipway: number;
  /** Absent where the bound is a number of its own. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** Median of the ratios run by run, so that a machine whose speed drifts does not blur it. */
  readonly ratio?: number;
  /** What it has to reach, and whether it does. Absent where nothing is promised. */
  readonly must?: string;
  readonly met?: boolean;
  readonly runs: { readonly slipway: readonly number[]; readonly peer?: readonly number[] };
  /** Milliseconds of the server's CPU for each request, median: what a busy machine blurs least. */
  readonly cpuMsPerRequest?: number;
  readonly peerCpuMsPerRequest?: number;
}

/** Of at least one value. For an even count the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError("median of nothing");
  return (upper + lower) / 2;
}

/** The two sides of a comparison, from runs that were made in turn. */
export interface Comparison {
  readonly bench: string;
  readonly unit: Row["unit"];
  readonly peer: string;
  readonly slipwayRuns: readonly number[];
  readonly peerRuns: readonly number[];
}

/** A row for "at most `limit` times the peer". */
export function atMost(limit: number, comparison: Comparison): Row {
  return compare(comparison, `≤ ${limit} × peer`, (ratio) => ratio <= limit);
}

/** A row for "at least `limit` times the peer". */
export function atLeast(limit: number, comparison: Comparison): Row {
  return compare(comparison, `≥ ${limit} × peer`, (ratio) => ratio >= limit);
}

/** A row for a bound that holds whatever a peer does. */
export function within(
  bound: number,
  { bench, unit, slipwayRuns }: Pick<Comparison, "bench" | "unit" | "slipwayRuns">,
): Row {
  const slipway = median(slipwayRuns);
  return {
    bench,
    unit,
    slipway: round(slipway),
    must: `≤ ${bound} ${unit}`,
    met: slipway <= bound,
    runs: { slipway: slipwayRuns.map(round) },
  };
}

/** A row that promises nothing, beside the peer where there is one to measure. */
export function told({ bench, unit, peer, slipwayRuns, peerRuns }: Comparison): Row {
  const slipway = round(median(slipwayRuns));
  if (peerRuns.length === 0) return { bench, unit, slipway, runs: { slipway: slipwayRuns.map(round) } };
  return {
    ...{ bench, unit, slipway, peer: { name: peer, value: round(median(peerRuns)) } },
    ratio: ratioOf(slipwayRuns, peerRuns),
    runs: { slipway: slipwayRuns.map(round), peer: peerRuns.map(round) },
  };
}

function compare(
  { bench, unit, peer, slipwayRuns, peerRuns }: Comparison,
  must: string,
  isMet: (ratio: number) => boolean,
): Row {
  const ratio = ratioOf(slipwayRuns, peerRuns);
  return {
    bench,
    unit,
    slipway: round(median(slipwayRuns)),
    peer: { name: peer, value: round(median(peerRuns)) },
    ratio,
    must,
    met: isMet(ratio),
    runs: { slipway: slipwayRuns.map(round), peer: peerRuns.map(round) },
  };
}

function ratioOf(slipwayRuns: readonly number[], peerRuns: readonly number[]): number {
  const ratio = median(slipwayRuns.map((value, run) => value / (peerRuns[run] ?? Number.NaN)));
  return Math.round(ratio * 1000) / 1000;
}

/** A tenth says nothing of what takes half a millisecond. */
function round(value: number): number {
  const parts = Math.abs(value) < 10 ? 1_000 : 10;
  return Math.round(value * parts) / parts;
}
