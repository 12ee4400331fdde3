import type { JsonSchema } from "../../api/json-schema.ts";
import { deepEqual } from "./deep-equal.ts";
import { isObject } from "./schema-node.ts";
import type { Ratchet } from "./validation-run.ts";

/**
 * An update may keep what was stored before the schema became stricter. Fields correspond by name, items of a map list by
 * their keys; items of other lists correspond to nothing.
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
 */
export const ratchet: Ratchet = {
  enter(old, value, schema, key) {
    if (isObject(old) && typeof key === "string") return Object.hasOwn(old, key) ? old[key] : undefined;
    if (!Array.isArray(old) || !Array.isArray(value) || typeof key !== "number") return undefined;
    const keys = listMapKeys(schema);
    return keys === undefined ? undefined : old.find((item) => sameKeys(item, value[key], keys));
  },
  equal: deepEqual,
  get inTrials() {
    return ratchet;
  },
};

/** Skips, without looking into it, what is the very same in the old object: an error there would be ratcheted away. */
export const sharing: Ratchet = {
  enter(old, _value, schema, key) {
    if (typeof key === "string") return isObject(old) && Object.hasOwn(old, key) ? old[key] : undefined;
    return Array.isArray(old) && listMapKeys(schema) !== undefined ? old[key] : undefined;
  },
  equal: (old, value) => old === value,
  inTrials: undefined,
};

/** The keys that identify an item; undefined for other lists. */
export function listMapKeys(schema: JsonSchema): readonly string[] | undefined {
  return schema["x-kubernetes-list-type"] === "map" ? schema["x-kubernetes-list-map-keys"] : undefined;
}

function sameKeys(a: unknown, b: unknown, keys: readonly string[]): boolean {
  return isObject(a) && isObject(b) && keys.every((key) => a[key] === b[key]);
}
