import { difference, type FieldSet, intersection, isEmpty, isSubset, union } from "./field-set.ts";
import { fieldSetOf, withNamedParents } from "./field-set-of.ts";
import type { Managers } from "./managers.ts";
import { removeItems } from "./remove-items.ts";
import type { FieldType } from "./typed-schema.ts";

export interface Release {
  readonly type: FieldType;
  /** The live object with the configuration laid over it. */
  readonly merged: unknown;
  /** All managers, the applying one with its new fields. */
  readonly managers: Managers;
  /** What the applying manager owned before. */
  readonly last: FieldSet | undefined;
  /** What it owns now. */
  readonly current: FieldSet;
}

/**
 * Removes what the manager applied last time, does not apply now, and nobody else owns. Fields on the way down count as
 * owned by whoever owns something below them.
 */
export function releaseFields({ type, merged, managers, last, current }: Release): unknown {
  if (last === undefined || isEmpty(last) || isSubset(last, current)) return merged;
  const owned = (set: FieldSet): FieldSet => withNamedParents(type, set);
  const all = owned(fieldSetOf(type, merged));
  const lastOwned = owned(last);
  const withoutLast = removeItems(type, merged, lastOwned);
  let managed = owned(fieldSetOf(type, withoutLast));
  for (const { fields } of managers.values()) managed = union(managed, owned(fields));
  const kept = removeItems(type, merged, difference(all, managed));
  const gone = difference(all, owned(fieldSetOf(type, kept)));
  return removeItems(type, merged, intersection(gone, lastOwned));
}
