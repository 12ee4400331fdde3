import type { ObjectReader } from "../../object-reader.ts";
import { type CompiledWebhook, compileWebhooks } from "./compiled-webhook.ts";
import type { mutatingConfigurations, validatingConfigurations, WebhookConfiguration } from "./configuration.ts";

/**
 * The webhooks of one kind of configuration, compiled when they are first asked for after a change. A change shows with
 * its acknowledgement, so a write after that is subject to it.
 */
export class StoredWebhooks implements Disposable {
  readonly #read: () => readonly WebhookConfiguration[];
  readonly #unsubscribe: () => void;
  #compiled: readonly CompiledWebhook[] | undefined;

  constructor(reader: ObjectReader, resource: typeof mutatingConfigurations | typeof validatingConfigurations) {
    this.#read = () => reader.list<WebhookConfiguration>(resource);
    this.#unsubscribe = reader.subscribe(resource, () => {
      this.#compiled = undefined;
    });
  }

  /** In the order in which they are called. */
  get webhooks(): readonly CompiledWebhook[] {
    this.#compiled ??= compileWebhooks(this.#read());
    return this.#compiled;
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }
}
