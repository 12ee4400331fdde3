import { Reason } from "../../api/v1alpha1/conditions.ts";
import { ApiError, ApiUnreachable } from "../../machinery/client.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import type { Failure } from "./facts.ts";

/**
 * What an error says of the deployment.
 * @throws the error itself where it speaks of the API server or of the end of this process, not of the deployment.
 */
export function failureOf(error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted || error instanceof ApiError || error instanceof ApiUnreachable) throw error;
  if (error instanceof TerminalError)
    return { kind: "refused", reason: error.reason, message: inOneLine(error.message) };
  if (error instanceof TransientError) {
    const kind = error.reason === Reason.BackendUnavailable ? "unreachable" : "retried";
    return { kind, reason: error.reason, message: inOneLine(error.message) };
  }
  return {
    kind: "retried",
    reason: Reason.BackendError,
    message: inOneLine(error instanceof Error ? error.message : String(error)),
  };
}
