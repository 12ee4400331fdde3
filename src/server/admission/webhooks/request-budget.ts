import type { Clock } from "../../../machinery/clock.ts";
import type { Logger } from "../../../machinery/logger.ts";
import { internalError } from "../../http/status-error.ts";
import type { WebhookCallOutcome, WebhookMetrics } from "../../observe/webhook-metrics.ts";
import type { Webhook } from "./configuration.ts";
import { requestTimeout, WebhookDenial, WebhookFailure } from "./webhook-failure.ts";

/** kube-apiserver's `--request-timeout`: all webhooks of one phase together take no longer. */
const REQUEST_TIMEOUT_MS = 60_000;

export interface RequestBudgetOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<WebhookMetrics, "observe">;
  readonly type: WebhookCallOutcome["type"];
  readonly operation: string;
}

/** The time that is left for the webhooks of one request, and what happens when one of them fails. */
export class RequestBudget {
  readonly #options: RequestBudgetOptions;
  readonly #endMs: number;

  constructor(options: RequestBudgetOptions) {
    this.#options = options;
    this.#endMs = options.clock.monotonicMs() + REQUEST_TIMEOUT_MS;
  }

  /**
   * Calls a webhook with what is left. Resolves to `leftOut()` where it failed and its failure policy is Ignore.
   * @throws {StatusError} 500 where it failed and the policy is Fail; what `call` throws when it was denied.
   */
  async ask<T>(
    webhook: Webhook,
    { call, leftOut }: { call: (remainingMs: number) => Promise<T>; leftOut: () => T },
  ): Promise<T> {
    const { clock, logger } = this.#options;
    const { name, failurePolicy } = webhook;
    const since = clock.monotonicMs();
    try {
      const answer = await call(this.#endMs - since);
      this.#observe(name, since, ALLOWED);
      return answer;
    } catch (error) {
      this.#observe(name, since, outcomeOf(error, webhook));
      if (!(error instanceof WebhookFailure)) throw error;
      if (failurePolicy !== "Ignore") throw internalError(error.message);
      logger.warn("webhook failed and is left out", { webhook: name, error: error.message });
      if (clock.monotonicMs() >= this.#endMs) throw requestTimeout();
      return leftOut();
    }
  }

  #observe(webhook: string, since: number, outcome: Outcome): void {
    const { clock, metrics, type, operation } = this.#options;
    metrics.observe({ webhook, type, operation, seconds: (clock.monotonicMs() - since) / 1000, ...outcome });
  }
}

type Outcome = Pick<WebhookCallOutcome, "code" | "trouble" | "isRejected">;

const ALLOWED: Outcome = { code: 200, trouble: "none", isRejected: false };

function outcomeOf(error: unknown, { failurePolicy }: Webhook): Outcome {
  if (error instanceof WebhookDenial) return { code: error.code, trouble: "none", isRejected: true };
  if (!(error instanceof WebhookFailure)) return { code: 0, trouble: "internal", isRejected: true };
  return { code: error.code, trouble: "calling", isRejected: failurePolicy !== "Ignore" };
}
