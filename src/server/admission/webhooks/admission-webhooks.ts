import type { Logger } from "../../../machinery/logger.ts";
import type { Authorizer } from "../../access/access.ts";
import type { ObjectReader } from "../../object-reader.ts";
import type { ResourceRegistry } from "../../registry/resource-registry.ts";
import type { AdmissionPlugin, AdmissionRequest, AdmissionSubject } from "../admission.ts";
import { type CompiledWebhook, compileWebhooks } from "./compiled-webhook.ts";
import { mutatingConfigurations, validatingConfigurations, type WebhookConfiguration } from "./configuration.ts";
import { MutatingDispatch } from "./mutating-dispatch.ts";
import { RequestBudget } from "./request-budget.ts";
import { ValidatingDispatch } from "./validating-dispatch.ts";
import { WebhookCaller } from "./webhook-caller.ts";
import { WebhookClient } from "./webhook-client.ts";
import { isExempt, WebhookSelection } from "./webhook-selection.ts";

export interface AdmissionWebhooksOptions {
  readonly reader: ObjectReader;
  readonly registry: ResourceRegistry;
  readonly authorizer: Authorizer;
  readonly logger: Logger;
}

/**
 * The webhooks that MutatingWebhookConfigurations and ValidatingWebhookConfigurations name, as the last admission plugin.
 * It reads the configurations from memory at every write, so that a write after one was acknowledged is subject to it.
 */
export class AdmissionWebhooks implements AdmissionPlugin, AsyncDisposable {
  readonly name = "AdmissionWebhooks";
  readonly isRemote = true;
  readonly #reader: ObjectReader;
  readonly #logger: Logger;
  readonly #client = new WebhookClient();
  readonly #selection: WebhookSelection;
  readonly #mutating: MutatingDispatch;
  readonly #validating: ValidatingDispatch;
  #isOpen = false;

  constructor({ reader, registry, authorizer, logger }: AdmissionWebhooksOptions) {
    this.#reader = reader;
    this.#logger = logger;
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
    return this.#concerned(mutatingConfigurations, subject).length > 0 || this.#validates(subject);
  }

  mutate(request: AdmissionRequest): void | Promise<void> {
    const webhooks = this.#concerned(mutatingConfigurations, request);
    if (webhooks.length > 0) return this.#mutating.run(webhooks, request, new RequestBudget(this.#logger));
  }

  validate(request: AdmissionRequest): void | Promise<void> {
    const webhooks = this.#concerned(validatingConfigurations, request);
    if (webhooks.length > 0) return this.#validating.run(webhooks, request, new RequestBudget(this.#logger));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }

  #validates(subject: AdmissionSubject): boolean {
    return this.#concerned(validatingConfigurations, subject).length > 0;
  }

  #concerned(
    resource: typeof mutatingConfigurations | typeof validatingConfigurations,
    subject: AdmissionSubject,
  ): readonly CompiledWebhook[] {
    if (!this.#isOpen || isExempt(subject)) return NONE;
    const configurations = this.#reader.list<WebhookConfiguration>(resource);
    if (configurations.length === 0) return NONE;
    return compileWebhooks(configurations).filter((webhook) => this.#selection.concerns(webhook, subject));
  }
}

const NONE: readonly CompiledWebhook[] = [];
