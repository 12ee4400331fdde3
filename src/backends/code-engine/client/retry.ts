/** How a call is repeated. Numbers are those of IBM's SDKs, with waits short enough for a caller that holds a worker. */
export interface RetryPolicy {
  /** The first one included. */
  readonly attempts: number;
  readonly baseMs: number;
  /** No wait is longer; a service that asks for more gets its wish from the caller, who is told `retryAfterMs`. */
  readonly capMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, baseMs: 500, capMs: 10_000 };

/**
 * The wait before attempt `failures + 1`: doubled each time, spread over its upper half so that many who failed
 * together do not come back together, and never before the service allows.
 */
export function retryDelayMs(
  { baseMs, capMs }: RetryPolicy,
  failures: number,
  { retryAfterMs, random }: { retryAfterMs: number | undefined; random: () => number },
): number {
  const spread = Math.min(capMs, baseMs * 2 ** (failures - 1)) * (0.5 + random() / 2);
  return retryAfterMs === undefined ? spread : retryAfterMs + (spread * random()) / 4;
}

/** Longer than any sane service asks for. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** `Retry-After` in its two forms, seconds and a date. Undefined for anything else. */
export function parseRetryAfter(header: unknown, now: Date): number | undefined {
  if (typeof header !== "string") return undefined;
  const text = header.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now.getTime();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}
