/** What went wrong on the way to a webhook, in the words of Go's net and crypto/tls, which operators look for. */
export function describeNetworkError(error: unknown, { hostname, port }: URL): string {
  // By its members: a DOMException and what comes from another realm are no instances of Error.
  const { name, code, message, cause } = error as Partial<Error> & { code?: unknown; cause?: Partial<Error> };
  if (name === "TimeoutError" || name === "AbortError") return "context deadline exceeded";
  const address = `${hostname}:${port || "443"}`;
  const told = typeof code === "string" ? TLS_PROBLEMS[code] : undefined;
  if (told !== undefined) return `tls: failed to verify certificate: x509: ${told}`;
  switch (code) {
    case "ECONNREFUSED":
      return `dial tcp ${address}: connect: connection refused`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `dial tcp: lookup ${hostname}: no such host`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `dial tcp ${address}: connect: no route to host`;
    case "ECONNRESET":
    case "EPIPE":
      return "connection reset by peer";
    case "UND_ERR_SOCKET":
      return "EOF";
    case "UND_ERR_CONNECT_TIMEOUT":
      return `dial tcp ${address}: i/o timeout`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `tls: failed to verify certificate: x509: certificate is not valid for ${hostname}`;
    default:
      return [message, cause?.message].filter(Boolean).join(": ") || String(error);
  }
}

const UNKNOWN_AUTHORITY = "certificate signed by unknown authority";
const OUT_OF_DATE = "certificate has expired or is not yet valid";

/** By the code of OpenSSL's verification. */
const TLS_PROBLEMS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: OUT_OF_DATE,
  CERT_NOT_YET_VALID: OUT_OF_DATE,
};
