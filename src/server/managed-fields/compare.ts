import { deepEqual } from "../schema/deep-equal.ts";
import { isObject } from "../schema/schema-node.ts";
import { type FieldSet, FieldSetBuilder } from "./field-set.ts";
import { elementOf, fieldElement } from "./path-element.ts";
import { type FieldType, fieldType, type ListType, type MapType, resolve } from "./typed-schema.ts";

/** What changed from one object to another. No field is in two of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two whole objects of one type. */
export function compare(type: FieldType, before: unknown, after: unknown): Comparison {
  const walk = new CompareWalk();
  walk.visit(type, before, after);
  return { added: walk.added.build(), modified: walk.modified.build(), removed: walk.removed.build() };
}

/** `undefined` stands for what is absent; null is a value. */
class CompareWalk {
  readonly added = new FieldSetBuilder();
  readonly modified = new FieldSetBuilder();
  readonly removed = new FieldSetBuilder();
  readonly #path: string[] = [];

  visit(type: FieldType, before: unknown, after: unknown): void {
    if (before === after) return;
    if (after === undefined) this.#as(resolve(type, before), before, after);
    else if (before === undefined) this.#as(resolve(type, after), before, after);
    else {
      const [old, next] = [resolve(type, before), resolve(type, after)];
      if (old.kind !== next.kind) this.#as(old, before, after);
      this.#as(next, before, after);
    }
  }

  #as(type: Exclude<FieldType, { kind: "deduced" }>, before: unknown, after: unknown): void {
    if (type.kind === "scalar") this.#leaf(before, after);
    else if (type.kind === "list") this.#list(type, before, after);
    else this.#map(type, before, after);
  }

  #leaf(before: unknown, after: unknown): void {
    if (before === undefined) this.added.add(this.#path);
    else if (after === undefined) this.removed.add(this.#path);
    else if (!deepEqual(before, after)) this.modified.add(this.#path);
  }

  /** A parent that came or went is owned as well as its children. */
  #parent(before: unknown, after: unknown): void {
    if (before === undefined) this.added.add(this.#path);
    else if (after === undefined) this.removed.add(this.#path);
  }

  #map(type: MapType, before: unknown, after: unknown): void {
    const old = isObject(before) ? before : EMPTY_OBJECT;
    const next = isObject(after) ? after : EMPTY_OBJECT;
    const oldKeys = Object.keys(old);
    const nextKeys = Object.keys(next);
    if (type.atomic || (oldKeys.length === 0 && nextKeys.length === 0)) {
      this.#leaf(before, after);
      return;
    }
    for (const key of oldKeys) this.#field(type, key, old[key], Object.hasOwn(next, key) ? next[key] : undefined);
    for (const key of nextKeys) if (!Object.hasOwn(old, key)) this.#field(type, key, undefined, next[key]);
    this.#parent(before, after);
  }

  #field(type: MapType, key: string, before: unknown, after: unknown): void {
    if (before === after) return;
    this.#path.push(fieldElement(key));
    this.visit(fieldType(type, key) ?? { kind: "deduced" }, before, after);
    this.#path.pop();
  }

  #list(type: ListType, before: unknown, after: unknown): void {
    const old = Array.isArray(before) ? before : [];
    const next = Array.isArray(after) ? after : [];
    if (type.relation === "atomic" || (old.length === 0 && next.length === 0)) {
      this.#leaf(before, after);
      return;
    }
    const oldItems = byElement(type, old);
    const nextItems = byElement(type, next);
    for (const element of new Set([...oldItems.keys(), ...nextItems.keys()])) {
      this.#items(type, element, oldItems.get(element) ?? [], nextItems.get(element) ?? []);
    }
    this.#parent(before, after);
  }

  /** Items that occur more than once cannot be told apart: they count as one leaf. */
  #items(type: ListType, element: string, old: readonly unknown[], next: readonly unknown[]): void {
    this.#path.push(element);
    if (old.length <= 1 && next.length <= 1) this.visit(type.items, old[0], next[0]);
    else if (old.length > 1 && next.length > 1) {
      if (!deepEqual(old, next)) this.modified.add(this.#path);
    } else if (old.length > 1) {
      if (next.length === 1) this.visit(type.items, undefined, next[0]);
      this.removed.add(this.#path);
    } else {
      if (old.length === 1) this.visit(type.items, old[0], undefined);
      this.added.add(this.#path);
    }
    this.#path.pop();
  }
}

const EMPTY_OBJECT: Record<string, unknown> = {};

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
