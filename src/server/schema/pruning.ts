import { isObject, type SchemaNode } from "./schema-node.ts";

/**
 * Removes, in place, every field that the schema does not know, and returns their paths: `spec.ports[0].x`. What lies below
 * `x-kubernetes-preserve-unknown-fields` stays, except where the schema specifies it again.
 */
export function prune(node: SchemaNode, object: unknown): string[] {
  const pruned: string[] = [];
  visit(node, object, "", pruned);
  return pruned;
}

function visit(node: SchemaNode, value: unknown, path: string, pruned: string[]): void {
  if (Array.isArray(value)) visitItems(node, value, path, pruned);
  else if (isObject(value)) visitFields(node, value, path, pruned);
}

function visitItems(node: SchemaNode, list: readonly unknown[], path: string, pruned: string[]): void {
  if (node.items === undefined) {
    if (!node.preservesUnknown) for (const [index, item] of list.entries()) empty(item, `${path}[${index}]`, pruned);
    return;
  }
  if (node.items.isLeaf && node.items.preservesUnknown) return;
  for (const [index, item] of list.entries()) {
    if (typeof item === "object") visit(node.items, item, `${path}[${index}]`, pruned);
  }
}

function visitFields(node: SchemaNode, object: Record<string, unknown>, path: string, pruned: string[]): void {
  const { properties, additional, preservesUnknown } = node;
  for (const key of Object.keys(object)) {
    const child = properties.get(key) ?? additional;
    if (child === undefined) {
      if (preservesUnknown) continue;
      delete object[key];
      pruned.push(join(path, key));
    } else {
      const value = object[key];
      if (typeof value === "object" && value !== null) visit(child, value, join(path, key), pruned);
    }
  }
}

/** A list without a schema for its items keeps them, but nothing inside them. */
function empty(value: unknown, path: string, pruned: string[]): void {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) empty(item, `${path}[${index}]`, pruned);
  else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      delete value[key];
      pruned.push(join(path, key));
    }
  }
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
