import { randomUUID } from "node:crypto";
import type { ObjectReader } from "../../object-reader.ts";
import type { AdmissionRequest } from "../admission.ts";
import type { Invocation } from "./invocation.ts";
import { requestAttributes } from "./review-request.ts";
import { decodePatch, InvalidResponse, readResponse } from "./review-response.ts";
import { type Service, services } from "./service.ts";
import { CallFailure, type WebhookClient } from "./webhook-client.ts";
import { denied, WebhookFailure } from "./webhook-failure.ts";
import { NoTarget, resolveTarget } from "./webhook-target.ts";

/** Versions of AdmissionReview that are spoken here. */
const KNOWN_VERSIONS = new Set(["v1", "v1beta1"]);

export interface ReviewCall {
  readonly invocation: Invocation;
  readonly request: AdmissionRequest;
  readonly isMutating: boolean;
  /** At most this much of the webhook's own timeout. */
  readonly remainingMs: number;
}

/** Asks one webhook about one write. */
export class WebhookCaller {
  readonly #client: WebhookClient;
  readonly #reader: ObjectReader;

  constructor(client: WebhookClient, reader: ObjectReader) {
    this.#client = client;
    this.#reader = reader;
  }

  /** Resolves when it is allowed, to a JSON patch or to undefined. @throws {StatusError} when it is denied. @throws {WebhookFailure} */
  async ask({ invocation, request, isMutating, remainingMs }: ReviewCall): Promise<unknown> {
    const { webhook } = invocation.webhook;
    const version = webhook.admissionReviewVersions.find((each) => KNOWN_VERSIONS.has(each));
    if (version === undefined) {
      const because = "webhook does not accept known AdmissionReview versions (v1, v1beta1)";
      throw new WebhookFailure(webhook.name, `could not create admission objects: ${because}`, 400);
    }
    const uid = randomUUID();
    try {
      const find = (namespace: string, name: string) => this.#reader.get<Service>(services, { namespace, name });
      const review = await this.#client.call({
        target: resolveTarget(webhook.clientConfig, find),
        body: JSON.stringify(reviewOf({ invocation, request, uid, version })),
        timeoutMs: Math.max(1, Math.ceil(Math.min(webhook.timeoutSeconds * 1000, remainingMs))),
      });
      const response = readResponse(review, { uid, version, isMutating });
      for (const warning of response.warnings) request.warn(warning);
      for (const [key, value] of Object.entries(response.auditAnnotations)) {
        request.annotate?.(`${webhook.name}/${key}`, value);
      }
      if (!response.allowed) throw denied(webhook.name, response.status);
      return decodePatch(response);
    } catch (error) {
      throw asFailure(webhook.name, error);
    }
  }
}

function asFailure(webhook: string, error: unknown): unknown {
  if (error instanceof NoTarget) return new WebhookFailure(webhook, `failed to call webhook: ${error.message}`, 500);
  if (error instanceof CallFailure) {
    return new WebhookFailure(webhook, `failed to call webhook: ${error.message}`, error.code);
  }
  if (error instanceof InvalidResponse) return new WebhookFailure(webhook, error.message, 503);
  return error;
}

interface ReviewContents {
  readonly invocation: Invocation;
  readonly request: AdmissionRequest;
  readonly uid: string;
  readonly version: string;
}

function reviewOf({ invocation, request, uid, version }: ReviewContents): object {
  const { view } = invocation;
  return {
    kind: "AdmissionReview",
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      ...requestAttributes(request, invocation),
      object: view.show(request.object),
      oldObject: view.show(request.oldObject),
    },
  };
}
