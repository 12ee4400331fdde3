import { Agent } from "undici";
import type { ApprovalNotice } from "../controllers/approval/notifier.ts";
import type { Clock } from "../machinery/clock.ts";
import { DeliveryFailure, networkFailure } from "./delivery-failure.ts";
import { assertDialled, dialledLookup } from "./dialled-address.ts";
import { factsOf } from "./notice-facts.ts";
import { ReceiverSecret, type SecretReader } from "./receiver-secret.ts";
import type { Sender } from "./sender.ts";
import { webhookRequest } from "./webhook-request.ts";

/** From the resolution of the name to the status of the answer. */
const TIMEOUT_MS = 10_000;
/** Of the answer, of which only the status counts. */
const MAX_HEADER_BYTES = 16 * 1024;
/** Beside 5xx: asked too early, too often, or too slowly. */
const WORTH_ANOTHER_ATTEMPT: readonly number[] = [408, 425, 429];
const MAX_RETRY_AFTER_MS = 15 * 60_000;

export interface WebhookSenderOptions {
  readonly secrets: SecretReader;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

interface Target {
  readonly url: URL;
  readonly authorization: string | undefined;
  /** PEM of the authorities to trust instead of the usual ones. */
  readonly ca: string | undefined;
  readonly signingKey: string | undefined;
}

/**
 * POSTs notices. Every attempt has a connection of its own, no redirect is followed, and of the answer only the status is read.
 */
export class WebhookSender implements Sender {
  readonly #options: WebhookSenderOptions;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  receiverOf({ policy }: ApprovalNotice): string {
    const ref = policy.spec.notify?.webhook?.urlSecretRef;
    return `webhook ${ref?.namespace}/${ref?.name}/${ref?.key}`;
  }

  async send(notice: ApprovalNotice, signal: AbortSignal): Promise<void> {
    const target = this.#targetOf(notice);
    const { signingKey } = target;
    const { headers, body } = webhookRequest(factsOf(notice), {
      id: notice.id,
      now: this.#options.clock.now(),
      ...(signingKey !== undefined && { signingKey }),
    });
    const { status, retryAfter } = await this.#post(target, { headers, body, signal });
    if (status >= 200 && status < 300) return;
    if (status >= 300 && status < 400) {
      throw new DeliveryFailure(`it answered ${status}, and redirects are not followed`, { isFinal: true });
    }
    const isFinal = status < 500 && !WORTH_ANOTHER_ATTEMPT.includes(status);
    throw new DeliveryFailure(`it answered ${status}`, { isFinal, ...retryAfterOf(retryAfter) });
  }

  #targetOf({ policy }: ApprovalNotice): Target {
    const webhook = policy.spec.notify?.webhook;
    if (!webhook) throw new DeliveryFailure("the policy has no webhook any more", { isFinal: true });
    const { urlSecretRef, signingSecretRef } = webhook;
    const { secrets } = this.#options;
    const secret = new ReceiverSecret(secrets, urlSecretRef);
    const url = URL.parse(secret.get(urlSecretRef.key));
    if (!url || !/^https?:$/.test(url.protocol)) throw secret.refusal(urlSecretRef.key, "is no http or https URL");
    return {
      url,
      authorization: authorizationOf(url),
      ca: secret.find("ca.crt"),
      signingKey: signingSecretRef && new ReceiverSecret(secrets, signingSecretRef).get(signingSecretRef.key),
    };
  }

  async #post(
    { url, authorization, ca }: Target,
    { headers, body, signal }: { headers: Readonly<Record<string, string>>; body: string; signal: AbortSignal },
  ): Promise<{ status: number; retryAfter: unknown }> {
    const timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS;
    const agent = new Agent({
      connect: { timeout: timeoutMs, lookup: dialledLookup("any"), ...(ca !== undefined && { ca }) },
      maxHeaderSize: MAX_HEADER_BYTES,
      allowH2: false,
    });
    try {
      assertDialled(url.hostname, "any");
      const answer = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: "POST",
        headers: { ...headers, ...(authorization !== undefined && { authorization }) },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      // It ends with the connection; nobody waits for it.
      answer.body.on("error", () => undefined);
      return { status: answer.statusCode, retryAfter: answer.headers["retry-after"] };
    } catch (error) {
      signal.throwIfAborted();
      throw networkFailure(error);
    } finally {
      await agent.destroy();
    }
  }
}

/** Credentials of a URL go into a header, as a browser would send them. */
function authorizationOf({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Not encoded, then.
    return part;
  }
}

/** Seconds alone: dates compare two clocks. */
function retryAfterOf(header: unknown): { retryAfterMs?: number } {
  if (typeof header !== "string" || !/^\d{1,6}$/.test(header)) return {};
  return { retryAfterMs: Math.min(Number(header) * 1000, MAX_RETRY_AFTER_MS) };
}
