import type { ProbeFailure, ProbeFailureReason } from "./prober.ts";

/** A probe that did not succeed, in the words that the status shows. `message` holds nothing that the server sent. */
export class ProbeError extends Error implements ProbeFailure {
  override readonly name = "ProbeError";
  readonly reason: ProbeFailureReason;
  /** The HTTP status behind it, where that was the trouble. */
  readonly httpStatus: number | undefined;

  constructor(reason: ProbeFailureReason, message: string, options: { httpStatus?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.httpStatus = options.httpStatus;
  }
}

export function invalidAnswer(message: string, cause?: unknown): ProbeError {
  return new ProbeError("ProbeInvalidAnswer", message, { cause });
}

/** Aborts a probe whose time is over. Stable wording: a message that changed with each probe would be a write each time. */
export function probeTimeout(timeoutMs: number): ProbeError {
  return new ProbeError(
    "ProbeTimeout",
    `no answer within ${timeoutMs / 1000} s; the server may still be starting, or be stuck: look at its logs, or raise health.timeoutSeconds`,
  );
}

/** What a status of 400 and above most often means, and where to look. */
export function refusedWithStatus(asked: string, status: number): ProbeError {
  return new ProbeError("ProbeInvalidAnswer", `answered ${asked} with HTTP ${status}${hintFor(status)}`, {
    httpStatus: status,
  });
}

function hintFor(status: number): string {
  switch (status) {
    case 401:
      return ": it wants credentials, and a probe has none; use health.probe: tcp";
    case 403:
      return ": a server that checks Host or Origin headers must allow the published address";
    case 404:
      return ": nothing is served there; check the path (transport.path), and whether the server speaks this transport.type";
    case 405:
      return ": another method is expected there; an older server may need transport.type: sse with its path, often /sse";
    case 406:
    case 415:
      return ": the path may not be an MCP endpoint; check transport.path and transport.type";
    default:
      return status >= 500 ? ": the server failed; look at its logs" : "; look at the server's logs";
  }
}

/** What a published port looks like when nobody in the container listens there: its proxy accepts, and hangs up. */
const CLOSED =
  "the connection was closed without an answer; does the server listen on transport.port, on 0.0.0.0 and not on loopback?";

/** Errors of connect and read that mean that nobody serves there now. EPIPE: it closed while the request was sent. */
const REFUSED = new Map([
  ["ECONNREFUSED", "nothing listens on the port; is transport.port the one that the server listens on?"],
  ["ECONNRESET", CLOSED],
  ["EPIPE", CLOSED],
  ["EHOSTUNREACH", "the address cannot be reached"],
  ["ENETUNREACH", "the address cannot be reached"],
  ["EHOSTDOWN", "the address cannot be reached"],
  ["ENOTFOUND", "the host name has no address"],
  ["EAI_AGAIN", "the host name could not be resolved"],
]);

/** Any error of a socket or of Node's HTTP client, as the reason it stands for. */
export function fromConnectionError(error: unknown): ProbeError {
  if (error instanceof ProbeError) return error;
  const code = codeOf(error);
  if (code === "ETIMEDOUT") {
    return new ProbeError("ProbeTimeout", "the connection timed out; the address may be filtered", { cause: error });
  }
  const refused = REFUSED.get(code);
  if (refused !== undefined) return new ProbeError("ProbeRefused", refused, { cause: error });
  return invalidAnswer(`the answer is not HTTP${/^[A-Z_]{1,40}$/.test(code) ? ` (${code})` : ""}`, error);
}

/** With this header the gateway says that an answer is its own; the message is in its body. */
export const REASON_HEADER = "slipway-reason";

/** Why the gateway could not speak to what is probed. Its messages hold nothing that a server sent. */
export function fromGateway(reason: string, body: string): ProbeError {
  const message = messageIn(body);
  switch (reason) {
    case "UpstreamTimeout":
      return new ProbeError("ProbeTimeout", message);
    case "UpstreamInvalid":
    case "UpstreamFailed":
      return invalidAnswer(message);
    default:
      return new ProbeError("ProbeRefused", message);
  }
}

function messageIn(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    return typeof error?.message === "string" ? error.message : "the gateway could not reach the server";
  } catch {
    return "the gateway could not reach the server";
  }
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}
