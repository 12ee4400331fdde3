import type { Metrics } from "../machinery/metrics.ts";

/** Registers whether this process leads: of all that are scraped, one does. Where nobody is elected, the only one does. */
export function leaderMetrics(metrics: Metrics, leads: () => boolean): void {
  metrics.gauge("slipway_leader", "1 where this process acts on what is declared, 0 where another one does.", () => [
    { value: leads() ? 1 : 0 },
  ]);
}
