import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { CodeEngineError } from "./client/errors.ts";

/** The reason of the condition of an optional part whose last call failed. */
export function reasonOf(error: CodeEngineError): string {
  if (error.kind === "throttled") return "Throttled";
  return error.status === 403 || error.kind === "unauthorized" ? "Forbidden" : Reason.BackendError;
}

/** Equal failures are told in equal words, so that a condition is written once. */
export function withoutTrace({ service, operation, said, status }: CodeEngineError): string {
  return `${service} could not ${operation}: ${said}${status === undefined ? "" : ` (HTTP ${status})`}`;
}
