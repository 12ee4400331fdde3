import type { Metrics } from "../machinery/metrics.ts";
import type { BackendObservers } from "./observed-driver.ts";

/** Registers calls to backends: by their type, since their names are anybody's. */
export function backendMetrics(metrics: Metrics): BackendObservers["called"] {
  const calls = metrics.counter(
    "slipway_backend_calls_total",
    "Calls to backends by type, method and result: Success, or the reason of the error.",
  );
  const durations = metrics.histogram("slipway_backend_call_duration_seconds", "Time that a call to a backend took.");
  return ({ type, method, result }, tookMs) => {
    calls.inc({ type, method, result });
    durations.observe(tookMs / 1_000, { type, method });
  };
}
