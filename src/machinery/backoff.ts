/**
 * Delay before retrying one key, in milliseconds: `baseMs * 2 ** failures`, at most `capMs`.
 * The defaults are client-go's per-item limiter (5 ms, 1000 s).
 * @see https://pkg.go.dev/k8s.io/client-go/util/workqueue
 * @throws {RangeError} when `failures` is negative.
 */
export function backoffMs(failures: number, baseMs = 5, capMs = 1_000_000): number {
  if (failures < 0) throw new RangeError(`failures: ${failures}`);
  return Math.min(baseMs * 2 ** failures, capMs);
}

/** Spreads a delay over its upper half, so that many who failed together do not come back together. */
export function jittered(ms: number, random: () => number = Math.random): number {
  return ms * (0.5 + random() / 2);
}
