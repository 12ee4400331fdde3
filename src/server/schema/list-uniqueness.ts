import type { FieldError } from "../resource.ts";
import { duplicate, invalid } from "./field-errors.ts";
import { goJson } from "./go-format.ts";
import { listMapKeys } from "./ratchet.ts";
import { isObject, type SchemaNode } from "./schema-node.ts";

/** Finds items that occur twice in sets, keys that occur twice in map lists, and what has no keys there. Skips what is the very same in `old`. */
export type UniquenessCheck = (value: unknown, old: unknown, path: string, errors: FieldError[]) => void;

/** Undefined where neither the schema nor anything below it has such a list, so that nothing needs to be walked. */
export function compileUniqueness(node: SchemaNode): UniquenessCheck | undefined {
  const own = compileList(node);
  const items = node.items === undefined ? undefined : compileUniqueness(node.items);
  const additional = node.additional === undefined ? undefined : compileUniqueness(node.additional);
  const fields = new Map<string, UniquenessCheck>();
  for (const [key, property] of node.properties) {
    const check = compileUniqueness(property);
    if (check !== undefined) fields.set(key, check);
  }
  if (own === undefined && items === undefined && additional === undefined && fields.size === 0) return undefined;
  const checkList = (list: readonly unknown[], old: unknown, path: string, errors: FieldError[]) => {
    own?.(list, path, errors);
    if (items === undefined) return;
    const before: readonly unknown[] = Array.isArray(old) ? old : [];
    for (const [index, item] of list.entries()) items(item, before[index], `${path}[${index}]`, errors);
  };
  const checkFields = (object: Record<string, unknown>, old: unknown, path: string, errors: FieldError[]) => {
    const before = isObject(old) ? old : {};
    for (const key of Object.keys(object)) {
      const check = fields.get(key) ?? (node.properties.has(key) ? undefined : additional);
      check?.(object[key], before[key], path === "" ? key : `${path}.${key}`, errors);
    }
  };
  return (value, old, path, errors) => {
    if (value === old) return;
    if (Array.isArray(value)) checkList(value, old, path, errors);
    else if (isObject(value)) checkFields(value, old, path, errors);
  };
}

type ListCheck = (list: readonly unknown[], path: string, errors: FieldError[]) => void;

function compileList({ schema, items }: SchemaNode): ListCheck | undefined {
  if (schema["x-kubernetes-list-type"] === "set") return (list, path, errors) => report(list, path, errors);
  const keys = listMapKeys(schema);
  if (keys === undefined) return undefined;
  const defaults = new Map(keys.map((key) => [key, items?.properties.get(key)?.schema.default]));
  return (list, path, errors) => {
    const stranger = list.findIndex((item) => item !== null && !isObject(item));
    if (stranger >= 0) errors.push(invalid(`${path}[${stranger}]`, list[stranger], NO_OBJECT));
    else {
      report(
        list.map((item) => (isObject(item) ? keysOf(item, keys, defaults) : undefined)),
        path,
        errors,
      );
    }
  };
}

const NO_OBJECT = "must be an object for an array of list-type map";

function keysOf(
  item: Record<string, unknown>,
  keys: readonly string[],
  defaults: ReadonlyMap<string, unknown>,
): unknown {
  const values = keys.map((key) => [key, Object.hasOwn(item, key) ? item[key] : defaults.get(key)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function report(values: readonly unknown[], path: string, errors: FieldError[]): void {
  if (values.length < 2) return;
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue;
    const text = typeof value === "string" ? `"${value}` : goJson(value);
    if (seen.has(text)) errors.push(duplicate(`${path}[${index}]`, value));
    seen.add(text);
  }
}
