import { createHmac } from "node:crypto";
import { chatText } from "./chat-text.ts";
import type { NoticeFacts } from "./notice-facts.ts";

/** What is sent for a notice. */
export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WebhookRequestOptions {
  readonly id: string;
  readonly now: Date;
  /** Absent: the request is not signed. */
  readonly signingKey?: string;
}

/**
 * One POST. `X-Slipway-Signature` is `sha256=` and the HMAC-SHA-256, in hexadecimal, of the value of `X-Slipway-Timestamp` (seconds
 * since 1970), a dot, and the body as it was received. Who verifies compares in constant time, refuses timestamps that are
 * more than five minutes off, and may tell a repetition by `X-Slipway-Delivery`.
 */
export function webhookRequest(facts: NoticeFacts, { id, now, signingKey }: WebhookRequestOptions): WebhookRequest {
  const body = JSON.stringify({
    // What chat tools read. They are to make nothing of the text that it does not say.
    text: chatText(facts),
    ...{ parse: "none", link_names: false, unfurl_links: false, unfurl_media: false },
    ...facts,
  });
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const signature = signingKey === undefined ? undefined : signatureOf(signingKey, timestamp, body);
  return {
    body,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "user-agent": "slipway",
      "x-slipway-event": facts.event,
      "x-slipway-delivery": id,
      "x-slipway-timestamp": timestamp,
      ...(signature !== undefined && { "x-slipway-signature": signature }),
    },
  };
}

function signatureOf(key: string, timestamp: string, body: string): string {
  return `sha256=${createHmac("sha256", key).update(`${timestamp}.${body}`).digest("hex")}`;
}
