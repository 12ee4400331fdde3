import { isObject } from "./schema-node.ts";

/**
 * Replaces in place the parts of `value` that are equal to their counterpart in `old` by that counterpart, and returns
 * `old` itself where the whole is equal. What did not change is then the same, which is seen without looking into it.
 * Fields correspond by name, items of lists by index; keys may stand in any order.
 */
export function shareEqual(value: unknown, old: unknown): unknown {
  if (Array.isArray(value)) return Array.isArray(old) ? shareItems(value, old) : value;
  return isObject(value) && isObject(old) ? shareFields(value, old) : value;
}

function shareItems(value: unknown[], old: readonly unknown[]): readonly unknown[] {
  let same = value.length === old.length;
  for (const [index, item] of value.entries()) {
    const shared = shareEqual(item, old[index]);
    if (shared !== item) value[index] = shared;
    same &&= shared === old[index];
  }
  return same ? old : value;
}

function shareFields(value: Record<string, unknown>, old: Record<string, unknown>): Record<string, unknown> {
  let same = true;
  let count = 0;
  for (const key of Object.keys(value)) {
    const field = value[key];
    // Absent, once it is written.
    if (field === undefined) continue;
    count += 1;
    const counterpart = Object.hasOwn(old, key) ? old[key] : undefined;
    const shared = shareEqual(field, counterpart);
    if (shared !== field) value[key] = shared;
    same &&= shared === counterpart;
  }
  return same && count === Object.keys(old).length ? old : value;
}
