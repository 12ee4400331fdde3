import type { JsonSchema } from "../../api/json-schema.ts";
import { deepEqual } from "../schema/deep-equal.ts";
import { goPrint } from "../schema/go-format.ts";
import { isObject } from "../schema/schema-node.ts";
import { mergeOrder } from "./merge-order.ts";
import { invalidResult, malformedPatch, notAnObject, unmergeablePatch } from "./patch-error.ts";

type Fields = Record<string, unknown>;

const DIRECTIVE = "$patch";
const RETAIN_KEYS = "$retainKeys";
const ELEMENT_ORDER = "$setElementOrder/";
const DELETE_PRIMITIVES = "$deleteFromPrimitiveList/";

/**
 * Kubernetes' strategic merge patch: maps merge, lists merge where the schema says so (`x-kubernetes-patch-strategy`, with
 * `x-kubernetes-patch-merge-key`, or the keys of a map list), null removes, and the directives `$patch`, `$retainKeys`,
 * `$setElementOrder` and `$deleteFromPrimitiveList` do the rest. Neither argument is changed.
 * @throws {PatchError}
 */
export function applyStrategicMergePatch(document: Fields, patch: unknown, schema: JsonSchema): Fields {
  if (!isObject(patch)) throw malformedPatch(notAnObject(patch));
  const mistyped = mistypedField(patch, schema);
  if (mistyped !== undefined) throw invalidResult(goPrint(patch), `unrecognized type: ${mistyped}`);
  return mergeMap(document, patch, schema);
}

function mergeMap(original: Fields, patch: Fields, schema: JsonSchema | undefined): Fields {
  if (DIRECTIVE in patch) return byDirective(patch);
  const result = retain(original, patch);
  const done = new Set<string>([RETAIN_KEYS]);
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(ELEMENT_ORDER)) continue;
    const field = key.slice(ELEMENT_ORDER.length);
    const ordered = orderedList(result[field], patch[field], patch[key], fieldSchema(schema, field));
    if (ordered !== undefined) result[field] = ordered;
    done.add(key).add(field);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (done.has(key)) continue;
    if (key.startsWith(DELETE_PRIMITIVES)) deletePrimitives(result, key.slice(DELETE_PRIMITIVES.length), value);
    else if (value === null) delete result[key];
    else
      result[key] = mergeField(Object.hasOwn(result, key) ? result[key] : undefined, value, fieldSchema(schema, key));
  }
  return result;
}

function byDirective(patch: Fields): Fields {
  const { [DIRECTIVE]: directive, ...rest } = patch;
  if (directive === "replace") return rest;
  if (directive === "delete") return {};
  throw unknownDirective(directive, patch);
}

function unknownDirective(directive: unknown, patch: Fields): Error {
  return unmergeablePatch(`unknown patch type: ${goPrint(directive)} in map: ${goPrint(patch)}`);
}

/** With `$retainKeys`, only the listed fields of the original stay. */
function retain(original: Fields, patch: Fields): Fields {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys)) throw malformedRetainKeys();
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith("$") && value !== null && !keys.includes(key)) throw malformedRetainKeys();
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

function malformedRetainKeys(): Error {
  return unmergeablePatch("invalid patch format of retainKeys");
}

function mergeField(original: unknown, patch: unknown, schema: JsonSchema | undefined): unknown {
  if (isObject(patch)) {
    if (original === undefined) return mergeMap({}, patch, schema);
    if (!isObject(original)) return patch;
    return strategyOf(schema) === "replace" ? patch : mergeMap(original, patch, schema);
  }
  if (!Array.isArray(patch) || !Array.isArray(original)) return patch;
  return strategyOf(schema) === "merge" ? mergeList(original, patch, schema) : patch;
}

/** How the field's value combines with a patch. Maps merge unless told otherwise, lists only if told so. */
function strategyOf(schema: JsonSchema | undefined): "merge" | "replace" | undefined {
  const strategies = schema?.["x-kubernetes-patch-strategy"]?.split(",") ?? [];
  if (strategies.includes("merge")) return "merge";
  if (strategies.includes("replace")) return "replace";
  const listType = schema?.["x-kubernetes-list-type"];
  return listType === "map" || listType === "set" ? "merge" : undefined;
}

function mergeKeyOf(schema: JsonSchema | undefined): string | undefined {
  return schema?.["x-kubernetes-patch-merge-key"] ?? schema?.["x-kubernetes-list-map-keys"]?.[0];
}

function fieldSchema(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  if (schema?.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], schema: JsonSchema | undefined): unknown[] {
  if (original.length === 0 && patch.length === 0) return [];
  const sample = [...original, ...patch][0];
  const key = mergeKeyOf(schema);
  if (!isObject(sample)) {
    const merged = [...original, ...patch].filter(
      (item, index, all) => all.findIndex((other) => deepEqual(other, item)) === index,
    );
    return mergeOrder({ merged, order: patch, live: original, key: undefined });
  }
  if (key === undefined) throw unmergeablePatch("cannot merge lists without merge key for type struct");
  const { kept, items } = applyItemDirectives(original, patch, key);
  const merged = mergeItems(kept, items, key, schema?.items);
  return mergeOrder({ merged, order: items, live: kept, key });
}

/** `$patch: delete` removes an item by its key; `$patch: replace` in any item drops the whole original list. */
function applyItemDirectives(
  original: readonly unknown[],
  patch: readonly unknown[],
  key: string,
): { kept: readonly unknown[]; items: readonly Fields[] } {
  let kept = original;
  let replace = false;
  const items: Fields[] = [];
  for (const item of patch) {
    if (!isObject(item)) throw unmergeablePatch(`expected a map, but received: ${goPrint(item)}`);
    const directive = item[DIRECTIVE];
    if (directive === undefined) items.push(item);
    else if (directive === "replace") replace = true;
    else if (directive === "delete") {
      const value = requireKey(item, key);
      kept = kept.filter((candidate) => !isObject(candidate) || candidate[key] !== value);
    } else if (directive === "merge") throw unmergeablePatch("merging lists cannot yet be specified in the patch");
    else throw unknownDirective(directive, item);
  }
  return { kept: replace ? [] : kept, items };
}

function requireKey(item: Fields, key: string): unknown {
  if (Object.hasOwn(item, key)) return item[key];
  throw unmergeablePatch(`map: ${goPrint(item)} does not contain declared merge key: ${key}`);
}

function mergeItems(
  original: readonly unknown[],
  patch: readonly Fields[],
  key: string,
  schema: JsonSchema | undefined,
): unknown[] {
  const result = [...original];
  for (const item of patch) {
    const value = requireKey(item, key);
    const index = result.findIndex((candidate) => isObject(candidate) && candidate[key] === value);
    if (index < 0) result.push(mergeMap({}, item, schema));
    else result[index] = mergeMap(result[index] as Fields, item, schema);
  }
  return result;
}

/** Merges a list and then puts it into the order that `$setElementOrder` asks for. */
function orderedList(
  original: unknown,
  patch: unknown,
  order: unknown,
  schema: JsonSchema | undefined,
): unknown[] | undefined {
  if (!Array.isArray(order)) throw unmergeablePatch("invalid patch format of setElementOrder list");
  const live = Array.isArray(original) ? original : [];
  const items = Array.isArray(patch) ? patch : [];
  if (original === undefined && patch === undefined) return undefined;
  const key = mergeKeyOf(schema);
  const sample = [...live, ...items][0];
  const merged = strategyOf(schema) === "merge" || original === undefined ? mergeList(live, items, schema) : items;
  return mergeOrder({
    merged: patch === undefined ? live : merged,
    order,
    live,
    key: isObject(sample) ? key : undefined,
  });
}

function deletePrimitives(target: Fields, field: string, unwanted: unknown): void {
  const list = target[field];
  if (!Array.isArray(list)) return;
  if (!Array.isArray(unwanted)) throw unmergeablePatch("invalid patch format of primitive list");
  target[field] = list.filter((item) => !unwanted.includes(item));
}

const GO_TYPES: Readonly<Record<string, string>> = {
  string: "string",
  boolean: "bool",
  integer: "int32",
  number: "float64",
};

/** The Go type of the first scalar field that the patch gives a value of another type. */
function mistypedField(patch: unknown, schema: JsonSchema | undefined): string | undefined {
  if (schema === undefined || patch === null || schema["x-kubernetes-int-or-string"] === true) return undefined;
  if (Array.isArray(patch)) return firstOf(patch, (item) => mistypedField(item, schema.items));
  if (isObject(patch)) {
    return firstOf(Object.keys(patch), (key) =>
      key.startsWith("$") ? undefined : mistypedField(patch[key], fieldSchema(schema, key)),
    );
  }
  const expected = schema.type === "integer" ? "number" : schema.type;
  if (expected === undefined || expected === typeof patch || expected === "object" || expected === "array")
    return undefined;
  return schema.format === "int64" ? "int64" : GO_TYPES[schema.type ?? ""];
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
