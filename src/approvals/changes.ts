import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { isJsonObject, jsonEqual, member } from "../machinery/json-equal.ts";

/** One field that differs, values as JSON. */
export interface Change {
  /** Path in the reviewed spec: `guardrails.network.egressAllowed`, `args[0]`. */
  readonly field: string;
  /** Absent: it was not there. */
  readonly from?: string;
  /** Absent: it is there no more. */
  readonly to?: string;
}

/** As the schema of Approval bounds them. */
const MOST_CHANGES = 256;
const LONGEST_FIELD = 512;

/**
 * Values get shorter where there are many, so that all changes together stay far below what an object may have: the spec itself
 * is in it, too.
 */
const LONGEST_VALUE = 4096;

/**
 * Pure. Field by field what differs, in the order of the fields' names; all of it, field by field, where nothing was approved before. At most 256 entries, the
 * last of which then says how many more there are; what is too long loses its end and says how long it was.
 */
export function changesBetween(approved: ReviewedSpec | undefined, wanted: ReviewedSpec): readonly Change[] {
  return [...differences(approved ?? {}, wanted, "")].slice(0, MOST_CHANGES);
}

function* differences(before: unknown, after: unknown, field: string): Generator<Change> {
  if (jsonEqual(before, after)) return;
  if (isJsonObject(before) && isJsonObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    for (const name of names)
      yield* differences(member(before, name), member(after, name), field === "" ? name : `${field}.${name}`);
    return;
  }
  yield {
    field: field.slice(0, LONGEST_FIELD),
    ...(before !== undefined && { from: JSON.stringify(before).slice(0, LONGEST_VALUE) }),
    ...(after !== undefined && { to: JSON.stringify(after).slice(0, LONGEST_VALUE) }),
  };
}
