import type { StatusFailure } from "../../api/meta.ts";
import { StatusError } from "../http/status-error.ts";

/** A patch that cannot be applied. Code, reason and message are those of kube-apiserver. */
export class PatchError extends StatusError {}

/** The patch itself is malformed. */
export function malformedPatch(message: string): PatchError {
  return new PatchError(400, "BadRequest", message);
}

/** A JSON patch that is well formed but leads nowhere; kube-apiserver says no more than this. */
export function unprocessablePatch(): PatchError {
  return new PatchError(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

export function tooManyOperations(count: number, limit: number): PatchError {
  const message = `Request entity too large: The allowed maximum operations in a JSON patch is ${limit}, got ${count}`;
  return new PatchError(413, "RequestEntityTooLarge", message);
}

/** A strategic merge patch that does not fit; kube-apiserver answers 500 without a reason. */
export function unmergeablePatch(message: string): PatchError {
  return new PatchError(500, undefined, message);
}

/** What the patch made is no object of the kind. `value` is printed as the refused value of the field `patch`. */
export function invalidResult(value: string, because: string): PatchError {
  const message = `Invalid value: ${JSON.stringify(value)}: ${because}`;
  const details: StatusFailure["details"] = { causes: [{ reason: "FieldValueInvalid", message, field: "patch" }] };
  return new PatchError(422, "Invalid", ` "" is invalid: patch: ${message}`, details);
}

/** What Go's decoder calls a value: `cannot unmarshal array into Go value of type map[string]interface {}`. */
export function notAnObject(value: unknown): string {
  const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}
