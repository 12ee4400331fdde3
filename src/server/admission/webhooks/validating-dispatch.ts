import type { AdmissionRequest } from "../admission.ts";
import type { CompiledWebhook } from "./compiled-webhook.ts";
import type { Invocation } from "./invocation.ts";
import type { RequestBudget } from "./request-budget.ts";
import type { WebhookCaller } from "./webhook-caller.ts";
import type { WebhookSelection } from "./webhook-selection.ts";

interface DispatchOptions {
  readonly selection: WebhookSelection;
  readonly caller: WebhookCaller;
}

/** Validating webhooks, all at once. */
export class ValidatingDispatch {
  readonly #selection: WebhookSelection;
  readonly #caller: WebhookCaller;

  constructor({ selection, caller }: DispatchOptions) {
    this.#selection = selection;
    this.#caller = caller;
  }

  /** Waits for all of them, so that every warning is heard. @throws {StatusError} the first refusal in their order. */
  async run(webhooks: readonly CompiledWebhook[], request: AdmissionRequest, budget: RequestBudget): Promise<void> {
    const invocations = webhooks.flatMap((webhook) => this.#selection.select(webhook, request) ?? []);
    const outcomes = await Promise.allSettled(invocations.map((each) => this.#ask(each, request, budget)));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  async #ask(invocation: Invocation, request: AdmissionRequest, budget: RequestBudget): Promise<void> {
    const { webhook } = invocation.webhook;
    await budget.ask<unknown>(webhook, {
      call: (remainingMs) => this.#caller.ask({ invocation, request, isMutating: false, remainingMs }),
      leftOut: () => request.annotate?.(`${AUDIT_KEY}/round_0_index_${invocation.webhook.index}`, webhook.name),
    });
  }
}

/** What kube-apiserver's audit log says of a webhook that failed and was left out. */
const AUDIT_KEY = "failed-open.validating.webhook.admission.k8s.io";
