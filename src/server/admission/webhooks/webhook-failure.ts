import type { StatusFailure } from "../../../api/meta.ts";
import { StatusError } from "../../http/status-error.ts";

/** A webhook that could not be asked, or gave no answer that counts: its failure policy decides. */
export class WebhookFailure extends Error {
  override readonly name = "WebhookFailure";
  /** The status that Kubernetes takes it for in its metrics. */
  readonly code: number;

  constructor(webhook: string, because: string, code: number) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${because}`);
    this.code = code;
  }
}

/** `status` of a response, as far as it was given. */
export type DenialStatus = Partial<Pick<StatusFailure, "code" | "reason" | "message" | "details">>;

/** A webhook's own refusal. */
export class WebhookDenial extends StatusError {}

/** A refusal by a webhook, in the words of kube-apiserver's `ToStatusErr`. A code below 400 becomes 400. */
export function denied(webhook: string, { code = 0, reason, message, details }: DenialStatus): WebhookDenial {
  const denial = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const because = message || reason;
  const text = because ? `${denial}: ${because}` : `${denial} without explanation`;
  const httpCode = code >= 400 && code < 600 ? code : 400;
  return new WebhookDenial(httpCode, reason || undefined, text, details);
}

/** All webhooks of a request together took longer than a request may. */
export function requestTimeout(): StatusError {
  return new StatusError(504, "Timeout", "Timeout: request did not complete within requested timeout", {});
}
