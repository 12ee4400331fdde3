import { internalError } from "../../http/status-error.ts";
import { applyJsonPatch } from "../../patch/json-patch.ts";
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

/** Mutating webhooks, one after the other, each of which sees what those before it made of the object. */
export class MutatingDispatch {
  readonly #selection: WebhookSelection;
  readonly #caller: WebhookCaller;

  constructor({ selection, caller }: DispatchOptions) {
    this.#selection = selection;
    this.#caller = caller;
  }

  /**
   * Calls all in turn, and those with `reinvocationPolicy: IfNeeded` once more where a later one has changed the object.
   * A webhook that did not want the write in the first round is not called in the second either.
   */
  async run(webhooks: readonly CompiledWebhook[], request: AdmissionRequest, budget: RequestBudget): Promise<void> {
    const again = new Set<CompiledWebhook>();
    const asked = new Set<CompiledWebhook>();
    for (const webhook of webhooks) {
      const outcome = await this.#ask(webhook, { request, budget, round: 0 });
      if (outcome === "unasked") continue;
      if (outcome === "changed") move(asked, again);
      if (webhook.webhook.reinvocationPolicy === "IfNeeded") asked.add(webhook);
    }
    for (const webhook of webhooks) if (again.has(webhook)) await this.#ask(webhook, { request, budget, round: 1 });
  }

  async #ask(webhook: CompiledWebhook, { request, budget, round }: Round): Promise<"unasked" | "asked" | "changed"> {
    const invocation = this.#selection.select(webhook, request);
    if (invocation === undefined) return "unasked";
    const { name } = webhook.webhook;
    const place = `round_${round}_index_${webhook.index}`;
    let mutated = false;
    try {
      mutated = await budget.ask(webhook.webhook, {
        call: async (remainingMs) => {
          const patch = await this.#caller.ask({ invocation, request, isMutating: true, remainingMs });
          return patch !== undefined && applied(invocation, request, patch);
        },
        leftOut: () => {
          request.annotate?.(`failed-open.${AUDIT_KEY}/${place}`, name);
          return false;
        },
      });
    } finally {
      const note = { configuration: webhook.configuration, webhook: name, mutated };
      request.annotate?.(`${AUDIT_KEY}/${place}`, JSON.stringify(note));
    }
    return mutated ? "changed" : "asked";
  }
}

/** What kube-apiserver's audit log says of mutating webhooks, at every level. */
const AUDIT_KEY = "mutation.webhook.admission.k8s.io";

interface Round {
  readonly request: AdmissionRequest;
  readonly budget: RequestBudget;
  readonly round: 0 | 1;
}

function move<T>(from: Set<T>, to: Set<T>): void {
  for (const each of from) to.add(each);
  from.clear();
}

/** A patch that does not fit is the webhook's mistake, whatever its failure policy. @throws {StatusError} 500 */
function applied({ webhook, view }: Invocation, request: AdmissionRequest, patch: unknown): boolean {
  if (Array.isArray(patch) && patch.length === 0) return false;
  const name = JSON.stringify(webhook.webhook.name);
  const shown = view.show(request.object);
  if (shown === null) {
    throw internalError(
      `admission webhook ${name} attempted to modify the object, which is not supported for this operation`,
    );
  }
  try {
    return view.takeOver(request, applyJsonPatch(shown, patch));
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    throw internalError(`patch of admission webhook ${name} cannot be applied: ${because}`);
  }
}
