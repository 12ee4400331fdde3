import type { Clock } from "../../../machinery/clock.ts";
import type { Logger } from "../../../machinery/logger.ts";
import { internalError } from "../../http/status-error.ts";
import type { Webhook } from "./configuration.ts";
import { requestTimeout, WebhookFailure } from "./webhook-failure.ts";

/** kube-apiserver's `--request-timeout`: all webhooks of one phase together take no longer. */
const REQUEST_TIMEOUT_MS = 60_000;

/** The time that is left for the webhooks of one request, and what happens when one of them fails. */
export class RequestBudget {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #endMs: number;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#endMs = clock.monotonicMs() + REQUEST_TIMEOUT_MS;
  }

  /**
   * Calls a webhook with what is left. Resolves to `leftOut()` where it failed and its failure policy is Ignore.
   * @throws {StatusError} 500 where it failed and the policy is Fail; what `call` throws when it was denied.
   */
  async ask<T>(
    { name, failurePolicy }: Webhook,
    { call, leftOut }: { call: (remainingMs: number) => Promise<T>; leftOut: () => T },
  ): Promise<T> {
    try {
      return await call(this.#endMs - this.#clock.monotonicMs());
    } catch (error) {
      if (!(error instanceof WebhookFailure)) throw error;
      if (failurePolicy !== "Ignore") throw internalError(error.message);
      this.#logger.warn("webhook failed and is left out", { webhook: name, error: error.message });
      if (this.#clock.monotonicMs() >= this.#endMs) throw requestTimeout();
      return leftOut();
    }
  }
}
