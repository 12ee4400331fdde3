import type { RequestCount } from "../../usage.ts";
import type { Sample, Series } from "../client/resources/samples.ts";

/** Requests are counted of so long. Samples come each minute. */
export const SPAN_MS = 600_000;
/** What is older tells nothing of today. */
const STALE_MS = 1_800_000;

export interface Measured {
  /** `ibm_codeengine_application_requests_total` of an app. */
  readonly requests: readonly Series[];
  /** A metric that every app has, requests or none: it tells since when the app is measured. */
  readonly presence: readonly Series[];
  /** When the app was made, and time itself. Milliseconds since 1970. */
  readonly madeAt: number | undefined;
  readonly now: number;
}

/**
 * Requests of the last ten minutes that are known. IBM calls the metric a gauge and a total, without saying since when:
 * what it grew by is counted, which is right for a running total that may begin anew, and never too much for anything
 * else. Undefined: nothing is known of the last half hour.
 */
export function countRequests({ requests, presence, madeAt, now }: Measured): RequestCount | undefined {
  const until = [...requests, ...presence].reduce(newest, Number.NEGATIVE_INFINITY);
  if (now - until > STALE_MS) return undefined;
  const from = until - SPAN_MS;
  // A series that begins where others were measured before begins at nothing; else its first value may be a year's.
  const measured = [...requests, ...presence].some(({ samples }) => samples.some(({ at }) => at <= from));
  const fromNothing = measured || (madeAt !== undefined && madeAt >= from);
  const byStatus = new Map<string, number>();
  for (const { labels, samples } of requests) {
    const count = growth(samples, { from, fromNothing });
    const status = statusClass(labels.ibm_codeengine_status);
    if (count > 0) byStatus.set(status, (byStatus.get(status) ?? 0) + count);
  }
  const sorted = [...byStatus].sort(([a], [b]) => a.localeCompare(b, "en"));
  return {
    total: sorted.reduce((sum, [, count]) => sum + count, 0),
    byStatus: Object.fromEntries(sorted),
    spanSeconds: SPAN_MS / 1_000,
    until: new Date(until).toISOString(),
  };
}

function newest(before: number, { samples }: Series): number {
  return samples.reduce((found, { at }) => Math.max(found, at), before);
}

function growth(samples: readonly Sample[], { from, fromNothing }: { from: number; fromNothing: boolean }): number {
  const inside = samples.filter(({ at }) => at > from);
  const before = samples.findLast(({ at }) => at <= from)?.value ?? (fromNothing ? 0 : inside[0]?.value);
  let [last, sum] = [before ?? 0, 0];
  for (const { value } of inside) {
    // What became less has begun anew.
    sum += value >= last ? value - last : value;
    last = value;
  }
  return Math.round(sum);
}

function statusClass(status: string | undefined): string {
  return /^[1-5]\d\d$/.test(status ?? "") ? `${status?.[0]}xx` : "other";
}
