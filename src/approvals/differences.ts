import { canonicalJson } from "../effective-spec/canonical-json.ts";
import { isJsonObject, jsonEqual, member as memberOf } from "../machinery/json-equal.ts";

/** One field that differs, values as JSON in full. */
export interface Difference {
  /** The member of the whole that it is in. */
  readonly member: string;
  readonly field: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Pure. Where two objects differ, member by member in the order of their names; empty: they are equal. */
export function differences(before: object, after: object): readonly Difference[] {
  const [from, to] = [{ ...before }, { ...after }];
  return namesOf(from, to).flatMap((name) =>
    between(memberOf(from, name), memberOf(to, name), name).map((found) => ({ ...found, member: name })),
  );
}

type Found = Omit<Difference, "member">;

function between(before: unknown, after: unknown, field: string): readonly Found[] {
  if (jsonEqual(before, after)) return [];
  if (isJsonObject(before) && isJsonObject(after)) return betweenObjects(before, after, (name) => `${field}.${name}`);
  // A list that is absent is an empty one, so that all items of the other are told one by one.
  const [from, to] = [keyed(before ?? []), keyed(after ?? [])];
  if (from && to) return betweenLists(from, to, field);
  return [{ field, from: json(before), to: json(after) }];
}

type JsonObject = Readonly<Record<string, unknown>>;

function betweenObjects(before: JsonObject, after: JsonObject, fieldOf: (name: string) => string): readonly Found[] {
  return namesOf(before, after).flatMap((name) =>
    between(memberOf(before, name), memberOf(after, name), fieldOf(name)),
  );
}

/** Items by their names, and their order as a field of its own. */
function betweenLists(before: Map<string, unknown>, after: Map<string, unknown>, field: string): readonly Found[] {
  const items = betweenObjects(record(before), record(after), (name) => `${field}[${name}]`);
  const [from, to] = [
    [...before.keys()].filter((key) => after.has(key)),
    [...after.keys()].filter((key) => before.has(key)),
  ];
  return jsonEqual(from, to) ? items : [...items, { field: `${field}: order`, from: json(from), to: json(to) }];
}

/** The items of a list by namespace and name; undefined for whatever else, and where items share a name. */
function keyed(value: unknown): Map<string, unknown> | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = new Map<string, unknown>();
  for (const item of value) {
    if (!isJsonObject(item) || typeof item.name !== "string") return undefined;
    items.set(typeof item.namespace === "string" ? `${item.namespace}/${item.name}` : item.name, item);
  }
  return items.size === value.length ? items : undefined;
}

function record(items: Map<string, unknown>): JsonObject {
  return Object.fromEntries(items);
}

function namesOf(before: JsonObject, after: JsonObject): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}
