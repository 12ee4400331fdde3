import { connect, type Socket } from "node:net";
import type { ApprovalNotice } from "../controllers/approval/notifier.ts";
import { DeliveryFailure, networkFailure } from "./delivery-failure.ts";
import { assertDialled, dialledLookup } from "./dialled-address.ts";
import { type EmailMessage, emailMessage } from "./email-message.ts";
import { ReceiverSecret, type SecretReader } from "./receiver-secret.ts";
import type { Sender } from "./sender.ts";
import { type SmtpSettings, smtpSettings } from "./smtp-settings.ts";

/** Of the phases: the connection with TLS, the greeting, and a server that falls silent. */
const PHASE_MS = 10_000;
/** Of a message as a whole, however slowly a server talks. */
const TOTAL_MS = 30_000;

export interface EmailSenderOptions {
  readonly secrets: SecretReader;
  readonly phaseMs?: number;
  readonly totalMs?: number;
}

/** Sends notices by SMTP, each over a connection of its own. */
export class EmailSender implements Sender {
  readonly #secrets: SecretReader;
  readonly #phaseMs: number;
  readonly #totalMs: number;

  constructor({ secrets, phaseMs = PHASE_MS, totalMs = TOTAL_MS }: EmailSenderOptions) {
    this.#secrets = secrets;
    this.#phaseMs = phaseMs;
    this.#totalMs = totalMs;
  }

  receiverOf({ policy }: ApprovalNotice): string {
    const ref = policy.spec.notify?.email?.smtpSecretRef;
    return `email ${ref?.namespace}/${ref?.name}`;
  }

  async send(notice: ApprovalNotice, signal: AbortSignal): Promise<void> {
    const email = notice.policy.spec.notify?.email;
    if (!email) throw new DeliveryFailure("the policy has no e-mail addresses any more", { isFinal: true });
    const settings = smtpSettings(new ReceiverSecret(this.#secrets, email.smtpSecretRef));
    const message = emailMessage(notice, settings.from);
    if (message.to.length === 0) {
      throw new DeliveryFailure("none of the policy's addresses can be written to", { isFinal: true });
    }
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(this.#totalMs)]);
    try {
      await this.#deliver(message, settings, bounded);
    } catch (error) {
      signal.throwIfAborted();
      throw smtpFailure(error);
    }
  }

  async #deliver(message: EmailMessage, settings: SmtpSettings, signal: AbortSignal): Promise<void> {
    const { host, port, tls, from, auth, ca } = settings;
    // Loaded when the first mail is sent: most installations send none.
    const { createTransport } = await import("nodemailer");
    const connection = await this.#connect(settings, signal);
    const transport = createTransport({
      ...{ host, port, connection },
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "none",
      tls: { minVersion: "TLSv1.2", ...(ca !== undefined && { ca }) },
      // Credentials that nobody asks for are a mistake in the Secret, and not to be passed over.
      ...(auth && { auth: { ...auth }, forceAuth: true }),
      connectionTimeout: this.#phaseMs,
      greetingTimeout: this.#phaseMs,
      socketTimeout: this.#phaseMs,
      // Texts of strangers can name no file and no URL to take in.
      disableFileAccess: true,
      disableUrlAccess: true,
      logger: false,
    });
    try {
      const { to, bcc, subject, text, messageId } = message;
      const { accepted } = await transport.sendMail({
        from: { ...from },
        to: [...to],
        bcc: [...bcc],
        ...{ subject, text, messageId, signal },
        // No answering machine answers it. (RFC 3834)
        headers: { "Auto-Submitted": "auto-generated" },
      });
      const taken = new Set(accepted);
      if (!to.some((address) => taken.has(address))) {
        throw new DeliveryFailure("it takes none of the policy's addresses", { isFinal: true });
      }
    } finally {
      transport.close();
      connection.destroy();
    }
  }

  /** A connection of our own making, so that what is dialled is what was judged. */
  async #connect({ host, port, tls }: SmtpSettings, signal: AbortSignal): Promise<Socket> {
    const reach = tls === "none" ? "loopback" : "any";
    assertDialled(host, reach);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ host, port, lookup: dialledLookup(reach), autoSelectFamily: true });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#phaseMs)]);
    const stop = () => reject(limit.reason);
    limit.addEventListener("abort", stop, { once: true });
    socket.once("error", reject).once("connect", resolve);
    try {
      limit.throwIfAborted();
      await promise;
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      limit.removeEventListener("abort", stop);
      socket.off("error", reject);
    }
  }
}

/** By the code of the reply, whose text may repeat anything. 5xx to a sender, a receiver or a message is the last word. */
function smtpFailure(error: unknown): DeliveryFailure {
  const { code, responseCode } = (error ?? {}) as { code?: unknown; responseCode?: unknown };
  if (typeof responseCode !== "number" || code === "EAUTH" || code === "ETLS") return networkFailure(error);
  const isFinal = responseCode >= 500 && (code === "EENVELOPE" || code === "EMESSAGE");
  return new DeliveryFailure(`it answered ${responseCode}`, { isFinal });
}
