import { isObject } from "../schema/schema-node.ts";
import { EMPTY, type FieldSet, fieldSet, isEmpty, OWNED_LEAF } from "./field-set.ts";
import { elementOf, fieldElement } from "./path-element.ts";
import { type FieldType, fieldType, type ListType, type MapType, resolve } from "./typed-schema.ts";

/** All fields that a configuration names: what its applier owns. */
export function fieldSetOf(type: FieldType, value: unknown): FieldSet {
  const resolved = resolve(type, value);
  switch (resolved.kind) {
    case "scalar":
      return OWNED_LEAF;
    case "list":
      return ofList(resolved, value);
    case "map":
      return ofMap(resolved, value);
    default:
      return resolved satisfies never;
  }
}

function ofMap(type: MapType, value: unknown): FieldSet {
  if (type.atomic) return OWNED_LEAF;
  if (!isObject(value)) return EMPTY;
  const children = new Map<string, FieldSet>();
  for (const key of Object.keys(value)) {
    const inner = value[key];
    const child = fieldSetOf(fieldType(type, key) ?? { kind: "deduced" }, inner);
    const owned = !type.fields.has(key) || inner === null || (isObject(inner) && Object.keys(inner).length === 0);
    if (owned) children.set(fieldElement(key), fieldSet(true, child.children));
    else if (!isEmpty(child)) children.set(fieldElement(key), child);
  }
  return fieldSet(false, children);
}

function ofList(type: ListType, value: unknown): FieldSet {
  if (type.relation === "atomic") return OWNED_LEAF;
  if (!Array.isArray(value)) return EMPTY;
  const children = new Map<string, FieldSet>();
  for (const item of value) {
    const element = elementOf(type, item);
    if (element === undefined) continue;
    const repeated = children.has(element);
    children.set(element, repeated ? OWNED_LEAF : fieldSet(true, fieldSetOf(type.items, item).children));
  }
  return fieldSet(false, children);
}

/**
 * Adds the fields on the way to each field, as far as the schema names them: who lets go of everything below such a field
 * lets go of the field.
 */
export function withNamedParents(type: FieldType, set: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, child] of set.children) {
    const name = element.startsWith("f:") ? element.slice(2) : undefined;
    const below = withNamedParents(childType(type, name), child);
    const named = name !== undefined && type.kind === "map" && type.fields.has(name);
    children.set(element, named && !below.owned ? fieldSet(true, below.children) : below);
  }
  return fieldSet(set.owned, children);
}

function childType(type: FieldType, name: string | undefined): FieldType {
  if (type.kind === "map" && name !== undefined) return fieldType(type, name) ?? { kind: "deduced" };
  return type.kind === "list" ? type.items : { kind: "deduced" };
}
