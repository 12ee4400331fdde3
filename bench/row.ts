/** One line of `make bench`. */
export interface Row {
  /** What was measured, in words. */
  readonly bench: string;
  readonly unit: "ms" | "MB" | "per second";
  /** Median of `runs`. */
  readonly slipway: number;
  readonly peer: { readonly name: string; readonly value: number };
  /** Median of the ratios run by run, so that a machine whose speed drifts does not blur it. */
  readonly ratio: number;
  readonly must: string;
  readonly met: boolean;
  readonly runs: { readonly slipway: readonly number[]; readonly peer: readonly number[] };
}

/** Of at least one value. For an even count the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError("median of nothing");
  return (upper + lower) / 2;
}

/** A row for "at most `limit` times the peer", from runs that were made in turn. */
export function atMost(
  limit: number,
  {
    bench,
    unit,
    peer,
    slipwayRuns,
    peerRuns,
  }: {
    bench: string;
    unit: Row["unit"];
    peer: string;
    slipwayRuns: readonly number[];
    peerRuns: readonly number[];
  },
): Row {
  const ratio = median(slipwayRuns.map((value, run) => value / (peerRuns[run] ?? Number.NaN)));
  return {
    bench,
    unit,
    slipway: round(median(slipwayRuns)),
    peer: { name: peer, value: round(median(peerRuns)) },
    ratio: Math.round(ratio * 1000) / 1000,
    must: `≤ ${limit} × peer`,
    met: ratio <= limit,
    runs: { slipway: slipwayRuns.map(round), peer: peerRuns.map(round) },
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
