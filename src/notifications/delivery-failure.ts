import { CONNECTION_TROUBLES, isCertificateTrouble, isTimeout } from "../machinery/connection-trouble.ts";

/**
 * A notice was not taken. The message is for people and made of our own words alone: what a resolver, a TLS library or a
 * receiver says may hold the URL, which is a secret; for that reason there is no cause either.
 */
export class DeliveryFailure extends Error {
  override readonly name = "DeliveryFailure";
  /** Another attempt would end like this one. */
  readonly isFinal: boolean;
  /** What the receiver asked to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { isFinal = false, retryAfterMs }: { isFinal?: boolean; retryAfterMs?: number } = {}) {
    super(message);
    this.isFinal = isFinal;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Codes of Node.js, undici and nodemailer, in words. */
const WORDS: Readonly<Record<string, string>> = {
  ...CONNECTION_TROUBLES,
  EDNS: "its name could not be resolved",
  ECONNECTION: "it closed the connection",
  ADDRESS_REFUSED: "its address is link-local, multicast or nobody's, and not dialled",
  NOT_LOOPBACK: "its address is no loopback, and tls is none",
  ETLS: "TLS failed",
  EAUTH: "it refused the credentials, or takes none",
};

/** What went wrong by the code of `error`, and nothing else of it. */
export function networkFailure(error: unknown): DeliveryFailure {
  if (error instanceof DeliveryFailure) return error;
  const code = codeOf(error);
  const words = WORDS[code];
  if (words !== undefined) return new DeliveryFailure(words);
  if (isTimeout(error)) return new DeliveryFailure("it did not answer in time");
  if (isCertificateTrouble(code)) return new DeliveryFailure(`its certificate is not trusted (${code})`);
  return new DeliveryFailure("the connection failed");
}

/** Of the error (nodemailer keeps that of the socket beside its own), or of the first of several attempts to connect. */
function codeOf(error: unknown): string {
  const { originalCode, code, cause, errors } = (error ?? {}) as Record<string, unknown>;
  for (const known of [originalCode, code]) {
    if (typeof known === "string" && (WORDS[known] !== undefined || isCertificateTrouble(known))) return known;
  }
  const inner = Array.isArray(errors) ? errors[0] : cause;
  return inner === undefined || inner === null ? "" : codeOf(inner);
}
