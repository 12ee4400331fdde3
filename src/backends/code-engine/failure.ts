import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import { type CodeEngineError, isFailure } from "./client/errors.ts";

/** A quota or a role is changed by a person: asking more often helps nobody. */
const PERSON_MS = 60_000;

/**
 * What a failed call means to a deployment. Errors of other kinds, and the reasons of signals, are answered as they are.
 * The client's messages hold no key, no token and no secret value.
 */
export function explained(error: unknown): unknown {
  if (!isFailure(error, "terminal", "unauthorized", "notFound", "conflict", "throttled", "transient")) return error;
  const { message, kind, retryAfterMs } = error;
  const more = { cause: error, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  switch (kind) {
    case "unauthorized":
      return new TransientError(
        Reason.BackendUnavailable,
        `${message}. Put a key that is valid into the Secret of spec.codeEngine.apiKeySecretRef`,
        { ...more, retryAfterMs: PERSON_MS },
      );
    case "notFound":
      return new TransientError(Reason.BackendUnavailable, message, more);
    case "terminal":
      return refused(error);
    case "conflict":
      return new TransientError(Reason.BackendError, `${message}; tried again`, more);
    case "throttled":
    case "transient":
      return new TransientError(Reason.BackendUnavailable, message, more);
    default:
      return kind satisfies never;
  }
}

/** 403 is the project's matter, what is wrong about a request the deployment's. */
function refused(error: CodeEngineError): unknown {
  if (error.status === 403)
    return new TransientError(Reason.BackendUnavailable, error.message, { cause: error, retryAfterMs: PERSON_MS });
  if (error.status === undefined) return new TerminalError(Reason.BackendUnavailable, error.message, { cause: error });
  return new TransientError(Reason.BackendError, error.message, { cause: error, retryAfterMs: PERSON_MS });
}
