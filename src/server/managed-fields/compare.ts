import { deepEqual } from "../schema/deep-equal.ts";
import { isObject } from "../schema/schema-node.ts";
import { EMPTY, type FieldSet, fieldSet, OWNED_LEAF, union, withChild } from "./field-set.ts";
import { elementOf, fieldElement } from "./path-element.ts";
import { type FieldType, fieldType, type ListType, type MapType, resolve } from "./typed-schema.ts";

/** What changed from one object to another. No field is in two of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const SAME: Comparison = { added: EMPTY, modified: EMPTY, removed: EMPTY };
const ADDED: Comparison = { ...SAME, added: OWNED_LEAF };
const MODIFIED: Comparison = { ...SAME, modified: OWNED_LEAF };
const REMOVED: Comparison = { ...SAME, removed: OWNED_LEAF };

/** Compares two whole objects of one type. */
export function compare(type: FieldType, before: unknown, after: unknown): Comparison {
  const { added, modified, removed } = compareValues(type, before, after);
  return { added: rootOf(added), modified: rootOf(modified), removed: rootOf(removed) };
}

/** Nobody owns a whole object. */
function rootOf(set: FieldSet): FieldSet {
  return set.owned ? fieldSet(false, set.children) : set;
}

/** `undefined` stands for what is absent; null is a value. */
function compareValues(type: FieldType, before: unknown, after: unknown): Comparison {
  if (before === after) return SAME;
  if (after === undefined) return compareAs(resolve(type, before), before, after);
  const next = resolve(type, after);
  const result = compareAs(next, before, after);
  if (before === undefined) return result;
  const old = resolve(type, before);
  return old.kind === next.kind ? result : both(compareAs(old, before, after), result);
}

function both(a: Comparison, b: Comparison): Comparison {
  return {
    added: union(a.added, b.added),
    modified: union(a.modified, b.modified),
    removed: union(a.removed, b.removed),
  };
}

function compareAs(type: Exclude<FieldType, { kind: "deduced" }>, before: unknown, after: unknown): Comparison {
  if (type.kind === "scalar") return compareLeaves(before, after);
  return type.kind === "list" ? compareLists(type, before, after) : compareMaps(type, before, after);
}

function compareLeaves(before: unknown, after: unknown): Comparison {
  if (before === undefined) return ADDED;
  if (after === undefined) return REMOVED;
  return deepEqual(before, after) ? SAME : MODIFIED;
}

function compareMaps(type: MapType, before: unknown, after: unknown): Comparison {
  const old = isObject(before) ? before : EMPTY_OBJECT;
  const next = isObject(after) ? after : EMPTY_OBJECT;
  const oldKeys = Object.keys(old);
  const nextKeys = Object.keys(next);
  if (type.atomic || (oldKeys.length === 0 && nextKeys.length === 0)) return compareLeaves(before, after);
  const children = new ChildComparisons();
  const compareField = (key: string, own: unknown, other: unknown): void => {
    if (own !== other) children.set(fieldElement(key), compareValues(fieldType(type, key) ?? DEDUCED, own, other));
  };
  for (const key of oldKeys) compareField(key, old[key], Object.hasOwn(next, key) ? next[key] : undefined);
  for (const key of nextKeys) if (!Object.hasOwn(old, key)) compareField(key, undefined, next[key]);
  return children.below(before, after);
}

function compareLists(type: ListType, before: unknown, after: unknown): Comparison {
  const old = Array.isArray(before) ? before : [];
  const next = Array.isArray(after) ? after : [];
  if (type.relation === "atomic" || (old.length === 0 && next.length === 0)) return compareLeaves(before, after);
  const oldItems = byElement(type, old);
  const nextItems = byElement(type, next);
  const children = new ChildComparisons();
  for (const [element, items] of oldItems) {
    children.set(element, compareItems(type, items, nextItems.get(element) ?? []));
  }
  for (const [element, items] of nextItems) {
    if (!oldItems.has(element)) children.set(element, compareItems(type, [], items));
  }
  return children.below(before, after);
}

/** Items that occur more than once cannot be told apart: they count as one leaf. */
function compareItems({ items }: ListType, old: readonly unknown[], next: readonly unknown[]): Comparison {
  if (old.length <= 1 && next.length <= 1) return compareValues(items, old[0], next[0]);
  if (old.length > 1 && next.length > 1) return deepEqual(old, next) ? SAME : MODIFIED;
  if (old.length > 1) return next.length === 1 ? both(compareValues(items, undefined, next[0]), REMOVED) : REMOVED;
  return old.length === 1 ? both(compareValues(items, old[0], undefined), ADDED) : ADDED;
}

/** What changed below a map or list. Most often that is of one sort, or nothing at all. */
class ChildComparisons {
  #added: Map<string, FieldSet> | undefined;
  #modified: Map<string, FieldSet> | undefined;
  #removed: Map<string, FieldSet> | undefined;

  set(element: string, { added, modified, removed }: Comparison): void {
    this.#added = withChild(this.#added, element, added);
    this.#modified = withChild(this.#modified, element, modified);
    this.#removed = withChild(this.#removed, element, removed);
  }

  /** A parent that came or went is owned as well as its children. */
  below(before: unknown, after: unknown): Comparison {
    return {
      added: fieldSet(before === undefined, this.#added),
      modified: fieldSet(false, this.#modified),
      removed: fieldSet(after === undefined, this.#removed),
    };
  }
}

const EMPTY_OBJECT: Record<string, unknown> = {};
const DEDUCED: FieldType = { kind: "deduced" };

function byElement(type: ListType, list: readonly unknown[]): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of list) {
    const element = elementOf(type, item);
    if (element === undefined) continue;
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}
