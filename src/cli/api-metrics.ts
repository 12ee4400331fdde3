import type { ApiCallMetrics } from "../machinery/api-calls.ts";
import type { Metrics } from "../machinery/metrics.ts";

/** Registers requests to the API server. The names are client-go's behind our own prefix. */
export function apiMetrics(metrics: Metrics): ApiCallMetrics {
  const requests = metrics.counter(
    "slipway_rest_client_requests_total",
    "Requests to the API server by verb, resource and status code; none: there was no answer.",
  );
  const durations = metrics.histogram(
    "slipway_rest_client_request_duration_seconds",
    "Time until the answer was whole; of a watch, until it began.",
  );
  const throttled = metrics.histogram(
    "slipway_rest_client_rate_limiter_duration_seconds",
    "Time for which requests waited for their turn within --kube-api-qps.",
  );
  /** Labels are written out once for each kind of call: a busy controller makes thousands in a second. */
  const known = new Map<string, { count: () => void; observe: (seconds: number) => void }>();
  return {
    answered({ verb, resource }, code, tookMs) {
      const id = `${verb} ${resource} ${code}`;
      let series = known.get(id);
      if (series === undefined) {
        const labels = { verb, resource };
        series = { count: requests.of({ ...labels, code: String(code ?? "none") }), observe: durations.of(labels) };
        known.set(id, series);
      }
      series.count();
      series.observe(tookMs / 1_000);
    },
    throttled: ({ verb }, waitedMs) => throttled.observe(waitedMs / 1_000, { verb }),
  };
}
