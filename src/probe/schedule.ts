import type { Assessment } from "./verdict.ts";

/** While a server starts: first steps of 100 ms, for the speed of `kubectl apply` to Connected. */
const STARTUP_FIRST_MS = 100;
const STARTUP_SLOWEST_MS = 1_000;
const STARTUP_GROWTH = 1.5;
/** Attempts until a server that never answered is no longer starting: about a minute. Then the delay grows to the period. */
const STARTUP_ATTEMPTS = 60;
/** After a server that worked has failed. */
const RECOVERY_FIRST_MS = 1_000;
/** Part of the period by which a probe may come early, so that many do not stay in step. Never later than the period. */
const JITTER = 0.1;

/**
 * Pure. Milliseconds until the next probe. `random` is in [0, 1).
 *
 * A server that works is asked once a period; one that begins to fail again after half of it, so that
 * `failureThreshold` failures fit within period × threshold with their timeouts; one that failed from 1 s on, growing to
 * the period, so that a recovery is seen soon.
 */
export function nextDelayMs(
  { verdict, failuresInARow }: Assessment,
  { periodMs, failureThreshold }: { readonly periodMs: number; readonly failureThreshold: number },
  random: number,
): number {
  switch (verdict.kind) {
    case "ready":
      return (failuresInARow === 0 ? periodMs : periodMs / 2) * (1 - JITTER * random);
    case "failed": {
      const attempt = Math.max(0, failuresInARow - failureThreshold);
      return grow(RECOVERY_FIRST_MS, 2, attempt, periodMs) * (1 - JITTER * random);
    }
    case "pending": {
      const starting = grow(STARTUP_FIRST_MS, STARTUP_GROWTH, failuresInARow - 1, STARTUP_SLOWEST_MS);
      const given = grow(starting, STARTUP_GROWTH, failuresInARow - STARTUP_ATTEMPTS, Math.max(starting, periodMs));
      return given * (1 - JITTER * random);
    }
    default:
      return verdict satisfies never;
  }
}

/** The first period is cut anywhere, so that servers which became ready together are spread over it. */
export function firstPeriodMs(periodMs: number, random: number): number {
  return periodMs * (JITTER + (1 - JITTER) * random);
}

/** `firstMs * factor ** steps`, at most `capMs`; the exponent is bounded because steps are counted without end. */
function grow(firstMs: number, factor: number, steps: number, capMs: number): number {
  return Math.min(capMs, firstMs * factor ** Math.min(64, Math.max(0, steps)));
}
