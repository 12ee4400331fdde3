/** Codes of Node.js and undici, in words about the other side. Whatever else an error says may repeat what was sent. */
export const CONNECTION_TROUBLES: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "its name could not be resolved",
  ECONNREFUSED: "it refused the connection",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
  UND_ERR_SOCKET: "it closed the connection",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
  ETIMEDOUT: "it did not answer in time",
  UND_ERR_CONNECT_TIMEOUT: "it did not answer in time",
  UND_ERR_HEADERS_TIMEOUT: "it did not answer in time",
  UND_ERR_BODY_TIMEOUT: "it did not answer in time",
  UND_ERR_HEADERS_OVERFLOW: "its answer is too large",
};

/** Whether a signal ended the wait. */
export function isTimeout(error: unknown): boolean {
  const { name } = (error ?? {}) as { name?: unknown };
  return name === "TimeoutError" || name === "AbortError";
}

/** Codes of OpenSSL's verification and of Node's check of the name; they name no host. */
export function isCertificateTrouble(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH$)/.test(code);
}
