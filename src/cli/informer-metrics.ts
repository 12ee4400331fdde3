import type { Clock } from "../machinery/clock.ts";
import type { InformerMetrics, WatchEnd } from "../machinery/informer.ts";
import type { Metrics } from "../machinery/metrics.ts";

interface Cache {
  readonly informer: { readonly size: number };
  /** Of the last sign of life. */
  contactMs: number | undefined;
}

const WATCH_ENDS: readonly WatchEnd[] = ["closed", "silent", "expired", "failed"];

/** Registers what the caches tell, and answers the callbacks of one by the plural of what it holds. */
export function informerMetrics(metrics: Metrics, clock: Clock): (resource: string) => InformerMetrics {
  const caches = new Map<string, Cache>();
  const lists = metrics.counter(
    "slipway_informer_lists_total",
    "Complete lists that a cache took in: one at the start, and one for each time that its watch could not be resumed.",
  );
  const durations = metrics.histogram("slipway_informer_list_duration_seconds", "Time that such a list took.");
  const ends = metrics.counter(
    "slipway_informer_watch_ends_total",
    "Ends of watches by reason: closed by the server in its time, silent, expired (410), or failed.",
  );
  const events = metrics.counter("slipway_informer_events_total", "Changes and bookmarks that came over watches.");
  metrics.gauge("slipway_informer_objects", "Objects in the cache.", () =>
    [...caches].map(([resource, { informer }]) => ({ labels: { resource }, value: informer.size })),
  );
  metrics.gauge(
    "slipway_informer_lag_seconds",
    "Time since the API server was last heard of over the list or the watch: so old the cache may be. A bookmark comes about once a minute.",
    () =>
      [...caches].flatMap(([resource, { contactMs }]) =>
        contactMs === undefined ? [] : [{ labels: { resource }, value: (clock.monotonicMs() - contactMs) / 1_000 }],
      ),
  );
  return (resource) => {
    const count = events.of({ resource });
    const heard = () => {
      const cache = caches.get(resource);
      if (cache) cache.contactMs = clock.monotonicMs();
    };
    for (const reason of WATCH_ENDS) ends.inc({ resource, reason }, 0);
    return {
      attached: (informer) => caches.set(resource, { informer, contactMs: undefined }),
      listed(_objects, tookMs) {
        lists.inc({ resource });
        durations.observe(tookMs / 1_000, { resource });
        heard();
      },
      contact() {
        count();
        heard();
      },
      watchEnded: (reason) => ends.inc({ resource, reason }),
    };
  };
}
