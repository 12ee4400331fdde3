import { isObject, type SchemaNode } from "./schema-node.ts";

/**
 * Fills in defaults, in place: where a field is absent, or null although the schema does not allow null. Nulls that are not
 * allowed and have no default are removed from objects. A default of an object is itself completed with the defaults inside.
 */
export function applyDefaults(node: SchemaNode, object: unknown): void {
  if (Array.isArray(object)) completeItems(node, object);
  else if (isObject(object)) completeFields(node, object);
}

function completeFields(node: SchemaNode, object: Record<string, unknown>): void {
  if (node.hasDefaults) {
    for (const [key, child] of node.properties) {
      if (child.defaultJson === undefined) continue;
      const value = Object.hasOwn(object, key) ? object[key] : undefined;
      if (value === undefined || (value === null && !child.nullable)) object[key] = JSON.parse(child.defaultJson);
    }
  }
  for (const key of Object.keys(object)) {
    const child = node.properties.get(key) ?? node.additional;
    if (child === undefined) continue;
    const value = object[key];
    if (value === null && !child.nullable) replaceNull(object, key, child);
    if (!child.isLeaf) applyDefaults(child, object[key]);
  }
}

function replaceNull(object: Record<string, unknown>, key: string, { defaultJson }: SchemaNode): void {
  if (defaultJson === undefined) delete object[key];
  else object[key] = JSON.parse(defaultJson);
}

/** Nulls in lists stay: removing them would move the others. Validation refuses them. */
function completeItems({ items }: SchemaNode, list: unknown[]): void {
  if (items === undefined) return;
  for (const [index, item] of list.entries()) {
    if (item === null && !items.nullable && items.defaultJson !== undefined)
      list[index] = JSON.parse(items.defaultJson);
    if (!items.isLeaf) applyDefaults(items, list[index]);
  }
}
