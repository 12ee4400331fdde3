import type { KubeObject, ResourceType } from "../api/meta.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import type { Logger } from "../machinery/logger.ts";
import { WEBHOOK_CONFIGURATION_NAME, type WebhookConfiguration } from "./webhook-configuration.ts";

interface StoredConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string; readonly clientConfig: { readonly caBundle?: string } }[];
}

const FIELD_MANAGER = "slipway-webhook-ca";

const CONFIGURATIONS: readonly ResourceType<StoredConfiguration>[] = (
  [
    ["MutatingWebhookConfiguration", "mutatingwebhookconfigurations"],
    ["ValidatingWebhookConfiguration", "validatingwebhookconfigurations"],
  ] satisfies [WebhookConfiguration["kind"], string][]
).map(([kind, plural]) => ({
  ...{ group: "admissionregistration.k8s.io", version: "v1", namespaced: false },
  ...{ kind, plural },
}));

const KEY = { namespace: "", name: WEBHOOK_CONFIGURATION_NAME };

/**
 * Puts certificates of authorities into both configurations, as the `caBundle` of each webhook, and changes nothing else: whoever
 * installed them owns the rest. Writes nothing where it stands there already.
 * @throws {Error} where one is missing, and {ApiError | ApiUnreachable}.
 */
export async function publishCaBundle(
  trusted: readonly string[],
  { client, logger, signal }: { readonly client: KubeClient; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const caBundle = Buffer.from(trusted.join("")).toString("base64");
  for (const type of CONFIGURATIONS) {
    const body = patchOf(await find(client, type, signal), caBundle);
    if (body.length === 0) continue;
    await client.patch(type, KEY, { type: "json", body }, { fieldManager: FIELD_MANAGER, signal });
    logger.info("wrote the caBundle", { configuration: type.kind, authorities: trusted.length });
  }
}

async function find(
  client: KubeClient,
  type: ResourceType<StoredConfiguration>,
  signal: AbortSignal,
): Promise<StoredConfiguration> {
  try {
    return await client.get(type, KEY, signal);
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
    throw new Error(`the ${type.kind} ${KEY.name} is missing, so the API server asks nobody; install it`, {
      cause: error,
    });
  }
}

/** Pure. By place, and only where the webhook of that name still stands there. */
export function patchOf({ webhooks = [] }: Pick<StoredConfiguration, "webhooks">, caBundle: string): object[] {
  return webhooks.flatMap(({ name, clientConfig }, at) => {
    if (clientConfig.caBundle === caBundle) return [];
    const path = `/webhooks/${at}`;
    return [
      { op: "test", path: `${path}/name`, value: name },
      { op: "add", path: `${path}/clientConfig/caBundle`, value: caBundle },
    ];
  });
}
