import { isObject } from "../schema/schema-node.ts";
import { malformedPatch, notAnObject } from "./patch-error.ts";

/**
 * RFC 7386: `null` removes, objects merge, everything else replaces. Neither argument is changed; the result shares what
 * did not change with `document`. @throws {PatchError} when the patch is no object.
 */
export function applyMergePatch(document: Record<string, unknown>, patch: unknown): Record<string, unknown> {
  if (patch === null) throw malformedPatch("Invalid JSON Patch");
  if (!isObject(patch)) throw malformedPatch(`error decoding patch: ${notAnObject(patch)}`);
  return merge(document, patch);
}

function merge(target: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const result = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (isObject(value)) {
      const current = Object.hasOwn(result, key) ? result[key] : undefined;
      result[key] = merge(isObject(current) ? current : {}, value);
    } else result[key] = value;
  }
  return result;
}
