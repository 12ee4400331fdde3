import { isObject, type SchemaNode } from "./schema-node.ts";

/**
 * Fills in defaults, in place: where a field is absent, or null although the schema does not allow null. A default of an
 * object is itself completed with the defaults inside. Nulls that are not allowed and have no default are removed from
 * objects, unless `keepNulls`.
 */
export function applyDefaults(node: SchemaNode, object: unknown, keepNulls: boolean): void {
  if (Array.isArray(object)) completeItems(node, object, keepNulls);
  else if (isObject(object)) completeFields(node, object, keepNulls);
}

function completeFields(node: SchemaNode, object: Record<string, unknown>, keepNulls: boolean): void {
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
    if (value === null && !child.nullable) replaceNull(object, key, child, keepNulls);
    if (!child.isLeaf) applyDefaults(child, object[key], keepNulls);
  }
}

function replaceNull(
  object: Record<string, unknown>,
  key: string,
  { defaultJson }: SchemaNode,
  keepNulls: boolean,
): void {
  if (defaultJson !== undefined) object[key] = JSON.parse(defaultJson);
  else if (!keepNulls) delete object[key];
}

/** Nulls in lists stay: removing them would move the others. Validation refuses them. */
function completeItems({ items }: SchemaNode, list: unknown[], keepNulls: boolean): void {
  if (items === undefined) return;
  for (const [index, item] of list.entries()) {
    if (item === null && !items.nullable && items.defaultJson !== undefined)
      list[index] = JSON.parse(items.defaultJson);
    if (!items.isLeaf) applyDefaults(items, list[index], keepNulls);
  }
}
