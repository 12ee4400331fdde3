import type { Metrics } from "../../machinery/metrics.ts";

/** Kubernetes' own for these: up to the timeout that webhooks have as a rule. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
/** A webhook's mistake must not make any number of series. */
const HIGHEST_CODE = 600;

/** One call of an admission webhook. */
export interface WebhookCallOutcome {
  readonly webhook: string;
  /** Mutating webhooks admit. */
  readonly type: "admit" | "validating";
  readonly operation: string;
  readonly seconds: number;
  /** Of its refusal, or what its failure amounts to; 200 where it allowed the write, 0 where this server failed it. */
  readonly code: number;
  /** `calling` where it gave no answer that counts, `internal` where the answer could not be followed. */
  readonly trouble: "none" | "calling" | "internal";
  /** Whether the write is refused. */
  readonly isRejected: boolean;
}

/** What kube-apiserver counts of its admission webhooks, under its names and labels. */
export class WebhookMetrics {
  readonly #seconds;
  readonly #requests;
  readonly #rejections;
  readonly #leftOut;

  constructor(metrics: Metrics) {
    this.#seconds = metrics.histogram(
      "apiserver_admission_webhook_admission_duration_seconds",
      "Time that an admission webhook took, by its name, the operation and whether the write was refused.",
      BUCKETS,
    );
    this.#requests = metrics.counter(
      "apiserver_admission_webhook_request_total",
      "Calls of admission webhooks, by name, operation and outcome.",
    );
    this.#rejections = metrics.counter(
      "apiserver_admission_webhook_rejection_count",
      "Writes refused because of an admission webhook: by itself (no_error), or for its failure.",
    );
    this.#leftOut = metrics.counter(
      "apiserver_admission_webhook_fail_open_count",
      "Writes that went on without an admission webhook that failed.",
    );
  }

  observe({ webhook: name, type, operation, seconds, code, trouble, isRejected }: WebhookCallOutcome): void {
    const shown = String(Math.min(code, HIGHEST_CODE));
    const call = { name, type, operation };
    const rejected = String(isRejected);
    this.#requests.inc({ ...call, code: shown, rejected });
    this.#seconds.observe(seconds, { ...call, rejected });
    if (isRejected) this.#rejections.inc({ ...call, error_type: ERROR_TYPES[trouble], rejection_code: shown });
    else if (trouble !== "none") this.#leftOut.inc({ name, type });
  }
}

const ERROR_TYPES = { none: "no_error", calling: "calling_webhook_error", internal: "apiserver_internal_error" };
