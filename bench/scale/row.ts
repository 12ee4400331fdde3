/** One line of `make scale`. */
export interface ScaleRow {
  /** What was measured, in words. */
  readonly scale: string;
  readonly objects: number;
  readonly value: number;
  /** MB are millions of bytes. */
  readonly unit:
    | "s"
    | "ms"
    | "MB"
    | "writes"
    | "% of a core"
    | "ms of CPU"
    | "×"
    | "requests"
    | "probes"
    | "reconciles";
  /** What it has to reach, and whether it does. Absent where nothing is promised. */
  readonly must?: string;
  readonly met?: boolean;
  /** What stood beside it, for whoever wants to know why. */
  readonly beside?: Readonly<Record<string, number>>;
}

type Measured = Omit<ScaleRow, "must" | "met">;

/** A row for what has to stay at or below a bound. */
export function atMost(bound: number, row: Measured): ScaleRow {
  return { ...row, value: round(row.value), must: `≤ ${bound} ${row.unit}`, met: row.value <= bound };
}

/** A row for what has to stay below a bound. */
export function below(bound: number, row: Measured): ScaleRow {
  return { ...row, value: round(row.value), must: `< ${bound} ${row.unit}`, met: row.value < bound };
}

/** A row for what has to reach a bound. */
export function atLeast(bound: number, row: Measured): ScaleRow {
  return { ...row, value: round(row.value), must: `≥ ${round(bound)} ${row.unit}`, met: row.value >= bound };
}

export function told(row: Measured): ScaleRow {
  return { ...row, value: round(row.value) };
}

export function round(value: number): number {
  return Number(value.toPrecision(4));
}
