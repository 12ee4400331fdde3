/** `metric{label="value"}` with `[10m]` behind it, or without. */
export interface Selector {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How far back each series is told; its last value alone where it is missing. */
  readonly rangeMs: number | undefined;
}

const SELECTOR = /^\s*([a-zA-Z_:][\w:]*)\s*(?:\{(.*)\}\s*)?(?:\[(\d+)(ms|s|m|h|d)\]\s*)?$/s;
const MATCHER = /\s*([a-zA-Z_]\w*)\s*=\s*("(?:[^"\\\n]|\\.)*")\s*(?:,|$)/y;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads the part of PromQL that asks for one metric.
 * @throws {SyntaxError} for everything else
 */
export function parseSelector(query: string): Selector {
  const [, metric, inside = "", amount, unit] = SELECTOR.exec(query) ?? [];
  if (metric === undefined) throw new SyntaxError('the emulator understands metric{label="value"}[range] only');
  const labels: Record<string, string> = {};
  for (let at = 0; inside.slice(at).trim() !== ""; at = MATCHER.lastIndex) {
    MATCHER.lastIndex = at;
    const [, label, value] = MATCHER.exec(inside) ?? [];
    if (label === undefined || value === undefined) throw new SyntaxError(`cannot read '${inside.slice(at)}'`);
    labels[label] = JSON.parse(value);
  }
  if (unit === undefined) return { metric, labels, rangeMs: undefined };
  const rangeMs = Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (rangeMs === 0) throw new SyntaxError("duration must be greater than 0");
  return { metric, labels, rangeMs };
}
