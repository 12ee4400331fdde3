import { isObject } from "../schema/schema-node.ts";
import type { FieldSet } from "./field-set.ts";
import { elementOf, fieldElement } from "./path-element.ts";
import { type FieldType, fieldType, type ListType, type MapType, resolve } from "./typed-schema.ts";

/** The value without the fields of the set. What becomes empty is null, as structured-merge-diff leaves it. */
export function removeItems(type: FieldType, value: unknown, set: FieldSet): unknown {
  const resolved = resolve(type, value);
  switch (resolved.kind) {
    case "scalar":
      return value;
    case "list":
      return fromList(resolved, value, set);
    case "map":
      return fromMap(resolved, value, set);
    default:
      return resolved satisfies never;
  }
}

function fromMap(type: MapType, value: unknown, set: FieldSet): unknown {
  if (type.atomic || !isObject(value)) return null;
  const result: Record<string, unknown> = {};
  let kept = false;
  for (const key of Object.keys(value)) {
    const below = set.children.get(fieldElement(key));
    if (below?.owned === true) continue;
    kept = true;
    result[key] =
      below === undefined ? value[key] : removeItems(fieldType(type, key) ?? { kind: "deduced" }, value[key], below);
  }
  return kept ? result : null;
}

function fromList(type: ListType, value: unknown, set: FieldSet): unknown {
  if (type.relation === "atomic" || !Array.isArray(value)) return null;
  const result: unknown[] = [];
  for (const item of value) {
    const element = elementOf(type, item);
    const below = element === undefined ? undefined : set.children.get(element);
    if (below?.owned === true) continue;
    result.push(below === undefined ? item : removeItems(type.items, item, below));
  }
  return result.length > 0 ? result : null;
}
