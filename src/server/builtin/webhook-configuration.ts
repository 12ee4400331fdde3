import type { Webhook } from "../admission/webhooks/configuration.ts";
import { webhookErrors } from "../admission/webhooks/validate-configuration.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import { deepEqual } from "../schema/deep-equal.ts";

/** MutatingWebhookConfiguration and ValidatingWebhookConfiguration, which src/server/admission/webhooks acts on. */
export const webhookConfigurationStrategy: Partial<Strategy> = {
  prepareForUpdate({ metadata, webhooks }, previous) {
    if (!deepEqual(webhooks, previous.webhooks)) metadata.generation = (metadata.generation ?? 0) + 1;
  },
  validate: (object) => webhookErrors(webhooksOf(object)),
  validateUpdate: (next, previous) => webhookErrors(webhooksOf(next), webhooksOf(previous)),
};

function webhooksOf({ webhooks }: ApiObject): readonly Partial<Webhook>[] {
  return (webhooks ?? []) as readonly Partial<Webhook>[];
}
