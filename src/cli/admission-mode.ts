import { randomBytes } from "node:crypto";
import { Admission } from "../admission/admission.ts";
import {
  WEBHOOK_CONFIGURATION_NAME,
  type WebhookConfiguration,
  webhookConfigurations,
} from "../admission-webhook/webhook-configuration.ts";
import { listenForReviews } from "../admission-webhook/webhook-listener.ts";
import { secrets } from "../api/core.ts";
import { STAMP_KEY_BYTES, STAMP_KEY_SECRET, stampKeySecret } from "../approvals/stamp-keys.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import type { ApiServerOptions } from "../server/api-server.ts";
import { temporaryCertificates } from "../server/http/certificates.ts";
import type { ObjectReader, ObjectWriter } from "../server/object-reader.ts";
import { type AdmissionParts, admissionPlugins, knownTo } from "./admission-plugins.ts";

/** How the embedded API server asks for the admission rules: by a call, or over HTTPS as a cluster would. */
export type AdmissionMode = "inprocess" | "webhook";

/** What `startApiServer` needs for it. To be disposed after the server has closed. */
export interface ServedAdmission extends AsyncDisposable {
  readonly options: Pick<ApiServerOptions, "admission" | "beforeServing">;
}

const HOST = "127.0.0.1";
const fieldManager = "slipway-up";

interface Objects {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
}

export interface AdmissionOptions extends AdmissionParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

export function admissionOf(mode: AdmissionMode, options: AdmissionOptions): ServedAdmission {
  return mode === "webhook" ? overHttps(options) : inProcess(options);
}

function inProcess(options: AdmissionOptions): ServedAdmission {
  return {
    options: {
      admission: (reader) => admissionPlugins(reader, options),
      async beforeServing(objects) {
        await makeStampKey(objects);
        // An earlier start may have left them, and they lead nowhere now.
        const key = { namespace: "", name: WEBHOOK_CONFIGURATION_NAME };
        await Promise.all(Object.values(CONFIGURATIONS).map((resource) => objects.writer.delete(resource, key)));
      },
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Registered before the server answers anybody, so that no write goes by it. Keys and path are new at every start. */
function overHttps({ clock, logger, observer }: AdmissionOptions): ServedAdmission {
  const stack = new AsyncDisposableStack();
  const start = async (reader: ObjectReader) => {
    const certificate = await temporaryCertificates([HOST], clock.now());
    const listener = await listenForReviews({
      ...{ host: HOST, port: 0, certificate, logger },
      // Answers name objects, so only who may read the configuration can ask.
      path: `/review/${randomBytes(16).toString("hex")}`,
      admission: new Admission(knownTo(reader, clock), observer),
    });
    stack.use(listener);
    logger.info("admission over HTTPS");
    return webhookConfigurations(listener.urls, certificate.caPem);
  };
  let started: Promise<readonly WebhookConfiguration[]> | undefined;
  return {
    options: {
      // A restore brings the address of an earlier start, and this one again.
      async beforeServing(objects) {
        await makeStampKey(objects);
        started ??= start(objects.reader);
        for (const configuration of await started) await register(objects, configuration);
      },
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Made once for an installation, and before anybody writes what it has to stamp. */
async function makeStampKey({ reader, writer }: Objects): Promise<void> {
  if (reader.get(secrets, STAMP_KEY_SECRET) !== undefined) return;
  await writer.create(secrets, stampKeySecret(randomBytes(STAMP_KEY_BYTES)), { fieldManager });
}

const GROUP = "admissionregistration.k8s.io";
const CONFIGURATIONS: Record<WebhookConfiguration["kind"], { group: string; plural: string }> = {
  MutatingWebhookConfiguration: { group: GROUP, plural: "mutatingwebhookconfigurations" },
  ValidatingWebhookConfiguration: { group: GROUP, plural: "validatingwebhookconfigurations" },
};

async function register({ reader, writer }: Objects, configuration: WebhookConfiguration): Promise<void> {
  const resource = CONFIGURATIONS[configuration.kind];
  const key = { namespace: "", name: configuration.metadata.name };
  if (reader.get(resource, key) === undefined) {
    await writer.create(resource, configuration, { fieldManager });
    return;
  }
  const { webhooks } = configuration;
  await writer.update(resource, key, (current) => ({ ...current, webhooks }), { fieldManager });
}
