import type { Metrics } from "../machinery/metrics.ts";
import type { NotifierMetrics } from "../notifications/notifier.ts";

/** Registers what the notifier counts. */
export function notificationMetrics(metrics: Metrics): NotifierMetrics {
  const notices = metrics.counter(
    "slipway_notifications_total",
    "Notices of approvals by channel and what became of them: delivered, retried, failed, dropped.",
  );
  return { told: (channel, result) => notices.inc({ channel, result }) };
}
