import type { Clock } from "../../../machinery/clock.ts";
import type { Logger } from "../../../machinery/logger.ts";
import type { Authorizer } from "../../access/access.ts";
import type { ObjectReader } from "../../object-reader.ts";
import type { WebhookCallOutcome, WebhookMetrics } from "../../observe/webhook-metrics.ts";
import type { ResourceRegistry } from "../../registry/resource-registry.ts";
import type { AdmissionPlugin, AdmissionRequest, AdmissionSubject } from "../admission.ts";
import type { CompiledWebhook } from "./compiled-webhook.ts";
import { mutatingConfigurations, validatingConfigurations } from "./configuration.ts";
import { MutatingDispatch } from "./mutating-dispatch.ts";
import { RequestBudget, type RequestBudgetOptions } from "./request-budget.ts";
import { StoredWebhooks } from "./stored-webhooks.ts";
import { ValidatingDispatch } from "./validating-dispatch.ts";
import { WebhookCaller } from "./webhook-caller.ts";
import { WebhookClient } from "./webhook-client.ts";
import { isExempt, WebhookSelection } from "./webhook-selection.ts";

export interface AdmissionWebhooksOptions {
  readonly reader: ObjectReader;
  readonly registry: ResourceRegistry;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: WebhookMetrics;
}

/** The webhooks that MutatingWebhookConfigurations and ValidatingWebhookConfigurations name, as the last admission plugin. */
export class AdmissionWebhooks implements AdmissionPlugin, AsyncDisposable {
  readonly name = "AdmissionWebhooks";
  readonly isRemote = true;
  readonly #mutatingWebhooks: StoredWebhooks;
  readonly #validatingWebhooks: StoredWebhooks;
  readonly #means: Pick<RequestBudgetOptions, "clock" | "logger" | "metrics">;
  readonly #client = new WebhookClient();
  readonly #selection: WebhookSelection;
  readonly #mutating: MutatingDispatch;
  readonly #validating: ValidatingDispatch;
  #isOpen = false;

  constructor({ reader, registry, authorizer, clock, logger, metrics }: AdmissionWebhooksOptions) {
    this.#mutatingWebhooks = new StoredWebhooks(reader, mutatingConfigurations);
    this.#validatingWebhooks = new StoredWebhooks(reader, validatingConfigurations);
    this.#means = { clock, logger, metrics };
    const selection = new WebhookSelection({ reader, registry, authorizer });
    const caller = new WebhookCaller(this.#client, reader);
    this.#selection = selection;
    this.#mutating = new MutatingDispatch({ selection, caller });
    this.#validating = new ValidatingDispatch({ selection, caller });
  }

  /** Until then the server prepares itself, and no webhook can keep it from starting. */
  open(): void {
    this.#isOpen = true;
  }

  handles(subject: AdmissionSubject): boolean {
    return (
      this.#concerned(this.#mutatingWebhooks, subject).length > 0 ||
      this.#concerned(this.#validatingWebhooks, subject).length > 0
    );
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    const webhooks = this.#concerned(this.#mutatingWebhooks, request);
    if (webhooks.length > 0) return this.#mutating.run(webhooks, request, this.#budget("admit", request));
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const webhooks = this.#concerned(this.#validatingWebhooks, request);
    if (webhooks.length > 0) return this.#validating.run(webhooks, request, this.#budget("validating", request));
  }

  #budget(type: WebhookCallOutcome["type"], { operation }: AdmissionRequest): RequestBudget {
    return new RequestBudget({ ...this.#means, type, operation });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#mutatingWebhooks[Symbol.dispose]();
    this.#validatingWebhooks[Symbol.dispose]();
    return this.#client[Symbol.asyncDispose]();
  }

  #concerned({ webhooks }: StoredWebhooks, subject: AdmissionSubject): readonly CompiledWebhook[] {
    if (webhooks.length === 0 || !this.#isOpen || isExempt(subject)) return NONE;
    return webhooks.filter((webhook) => this.#selection.concerns(webhook, subject));
  }
}

const NONE: readonly CompiledWebhook[] = [];
