import { randomBytes } from "node:crypto";
import {
  type GuardrailWebhooks,
  WEBHOOK_CONFIGURATION_NAME,
  webhookConfiguration,
} from "../admission-webhook/webhook-configuration.ts";
import { listenForReviews } from "../admission-webhook/webhook-listener.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import type { ApiServerOptions } from "../server/api-server.ts";
import { temporaryCertificates } from "../server/http/certificates.ts";
import type { ObjectReader, ObjectWriter } from "../server/object-reader.ts";
import { guardrailAdmission, knownTo } from "./guardrail-admission.ts";

/** How the embedded API server asks for the admission rules: by a call, or over HTTPS as a cluster would. */
export type AdmissionMode = "inprocess" | "webhook";

/** What `startApiServer` needs for it. To be disposed after the server has closed. */
export interface ServedAdmission extends AsyncDisposable {
  readonly options: Pick<ApiServerOptions, "admission" | "beforeServing">;
}

const HOST = "127.0.0.1";
const configurations = { group: "admissionregistration.k8s.io", plural: "validatingwebhookconfigurations" };
const fieldManager = "slipway-up";

export function admissionOf(mode: AdmissionMode, parts: { clock: Clock; logger: Logger }): ServedAdmission {
  return mode === "webhook" ? overHttps(parts) : inProcess();
}

function inProcess(): ServedAdmission {
  return {
    options: {
      admission: (reader) => [guardrailAdmission(reader)],
      // An earlier start may have left one, and it leads nowhere now.
      beforeServing: ({ writer }) => writer.delete(configurations, { namespace: "", name: WEBHOOK_CONFIGURATION_NAME }),
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Registered before the server answers anybody, so that no write goes by it. Keys and path are new at every start. */
function overHttps({ clock, logger }: { clock: Clock; logger: Logger }): ServedAdmission {
  const stack = new AsyncDisposableStack();
  return {
    options: {
      async beforeServing({ reader, writer }) {
        const certificate = await temporaryCertificates([HOST], clock.now());
        const listener = await listenForReviews({
          ...{ host: HOST, port: 0, certificate, logger },
          // Answers name objects, so only who may read the configuration can ask.
          path: `/review/${randomBytes(16).toString("hex")}`,
          known: knownTo(reader),
        });
        stack.use(listener);
        await register({ reader, writer }, webhookConfiguration(listener.url, certificate.caPem));
        logger.info("admission over HTTPS");
      },
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function register(
  { reader, writer }: { reader: ObjectReader; writer: ObjectWriter },
  configuration: GuardrailWebhooks,
): Promise<void> {
  const key = { namespace: "", name: configuration.metadata.name };
  if (reader.get(configurations, key) === undefined) {
    await writer.create(configurations, configuration, { fieldManager });
    return;
  }
  const { webhooks } = configuration;
  await writer.update(configurations, key, (current) => ({ ...current, webhooks }), { fieldManager });
}
