import { isNativeError } from "node:util/types";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";

/** The Engine answered, with an error. Callers turn the statuses they understand into their own errors. */
export class EngineError extends TransientError {
  readonly status: number;
  /** What the Engine said, without what the client library put around it. */
  readonly said: string;

  constructor(operation: string, status: number, said: string, cause: unknown) {
    super(Reason.BackendError, `the Docker Engine could not ${operation}: ${said} (HTTP ${status})`, { cause });
    this.status = status;
    this.said = said;
  }
}

/** No answer in time. */
export class EngineTimeout extends TransientError {
  constructor(operation: string, address: string, timeoutMs: number) {
    const within = `${Math.round(timeoutMs / 1000)} s`;
    const remedy = "it may be overloaded or stopped (SIGSTOP); look at it with: journalctl -u docker";
    super(
      Reason.BackendUnavailable,
      `the Docker Engine at ${address} did not ${operation} within ${within}; ${remedy}`,
    );
  }
}

/** Whether the Engine answered with one of `statuses`. */
export function hasStatus(error: unknown, ...statuses: readonly number[]): error is EngineError {
  return error instanceof EngineError && statuses.includes(error.status);
}

/** What a failed call means: an answer of the Engine, or none. Our own errors and those of an abort pass unchanged. */
export function classifyEngineError(error: unknown, operation: string, address: string): unknown {
  if (error instanceof TransientError || !isNativeError(error) || error.name === "AbortError") return error;
  const { statusCode, json, code } = error as { statusCode?: unknown; json?: unknown; code?: unknown };
  if (typeof statusCode === "number")
    return new EngineError(operation, statusCode, messageOf(json) ?? error.message, error);
  if (typeof code === "string" || /socket hang up|Parse Error/.test(error.message))
    return unavailable(typeof code === "string" ? code : "", error, address);
  return error;
}

function unavailable(code: string, cause: Error, address: string): TransientError {
  const at = `the Docker Engine at ${address}`;
  return new TransientError(Reason.BackendUnavailable, `${at} ${troubleOf(code, cause)}`, { cause });
}

/** What went wrong and what to do, to follow "the Docker Engine at …". */
function troubleOf(code: string, cause: Error): string {
  switch (code) {
    case "ENOENT":
      return "is not there: the socket does not exist. Start Docker (systemctl start docker) or correct spec.docker.host";
    case "EACCES":
    case "EPERM":
      return "refuses this user: permission denied on the socket. Add the user to the socket's group (usermod -aG docker USER, then log in again) or run as root";
    case "ECONNREFUSED":
      return "is not running: nobody listens there. Start Docker (systemctl start docker) or correct spec.docker.host";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "cannot be found: its host name does not resolve. Correct spec.docker.host or the DNS";
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `cannot be reached (${code}). Check the network and the firewall between here and there`;
    case "ECONNRESET":
    case "EPIPE":
      return "closed the connection; it is probably restarting";
    default:
      if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_|UNABLE_|EPROTO)/.test(code))
        return `failed the TLS handshake (${code}: ${cause.message}). Check ca.crt, tls.crt and tls.key of tlsSecretRef`;
      return `failed: ${cause.message}`;
  }
}

function messageOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("message" in body)) return undefined;
  return typeof body.message === "string" ? body.message.trim() : undefined;
}
