import { X509Certificate } from "node:crypto";
import type { TakeCertificate } from "../admission-webhook/certificate-source.ts";
import type { Metrics } from "../machinery/metrics.ts";

/** Registers until when the webhook's certificate holds, and answers the callback that is told of each. */
export function webhookMetrics(metrics: Metrics): TakeCertificate {
  let endsAtMs: number | undefined;
  metrics.gauge(
    "slipway_webhook_certificate_expiry_timestamp_seconds",
    "When the certificate that admission is served with ends, since the epoch.",
    () => (endsAtMs === undefined ? [] : [{ value: Math.floor(endsAtMs / 1_000) }]),
  );
  return ({ certificatePem }) => {
    endsAtMs = new X509Certificate(certificatePem).validToDate.getTime();
  };
}
