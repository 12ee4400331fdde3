import { goPrint } from "../schema/go-format.ts";
import { isObject } from "../schema/schema-node.ts";
import { formatElement, itemElement } from "./path-element.ts";
import { type FieldType, fieldType, type ListType, type MapType, resolve, type ScalarType } from "./typed-schema.ts";

/**
 * Checks a configuration against its type before it is merged: unknown fields, wrong shapes, list items without keys or
 * with the same keys. Texts are those of structured-merge-diff; undefined when nothing is wrong.
 */
export function typedErrors(type: FieldType, value: unknown): string | undefined {
  const errors: string[] = [];
  visit(type, value, "", errors);
  if (errors.length <= 1) return errors[0];
  return ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");
}

function visit(type: FieldType, value: unknown, path: string, errors: string[]): void {
  if (value === null) return;
  const resolved = resolve(type, value);
  switch (resolved.kind) {
    case "scalar":
      visitScalar(resolved, value, path, errors);
      break;
    case "list":
      visitList(resolved, value, path, errors);
      break;
    case "map":
      visitMap(resolved, value, path, errors);
      break;
    default:
      resolved satisfies never;
  }
}

function visitScalar({ scalar }: ScalarType, value: unknown, path: string, errors: string[]): void {
  if (scalar === "any") {
    if (typeof value === "object") errors.push(at(path, `expected any scalar, got ${printed(value)}`));
  } else if (scalar === "number") {
    if (typeof value !== "number") errors.push(at(path, `expected numeric (int or float), got ${goTypeOf(value)}`));
  } else if (typeof value !== scalar) errors.push(at(path, `expected ${scalar}, got ${printed(value)}`));
}

function visitMap(type: MapType, value: unknown, path: string, errors: string[]): void {
  if (!isObject(value)) {
    errors.push(at(path, `expected map, got ${printed(value)}`));
    return;
  }
  for (const key of Object.keys(value)) {
    const inner = fieldType(type, key);
    if (inner === undefined) errors.push(at(`${path}.${key}`, "field not declared in schema"));
    else visit(inner, value[key], `${path}.${key}`, errors);
  }
}

function visitList(type: ListType, value: unknown, path: string, errors: string[]): void {
  if (!Array.isArray(value)) {
    errors.push(at(path, `expected list, got ${printed(value)}`));
    return;
  }
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    if (type.relation === "atomic") {
      visit(type.items, item, `${path}[${index}]`, errors);
      continue;
    }
    const result = itemElement(type, item);
    if ("error" in result) {
      errors.push(at(path, `element ${index}: ${result.error}`));
      continue;
    }
    const element = formatElement(result.element);
    if (seen.has(element)) errors.push(at(path, `duplicate entries for key ${element}`));
    seen.add(element);
    visit(type.items, item, `${path}${element}`, errors);
  }
}

function at(path: string, message: string): string {
  return path === "" ? message : `${path}: ${message}`;
}

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "object") return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** A value as Go's `%v` prints the wrapper around it. */
function printed(value: unknown): string {
  return `&{${goPrint(value)}}`;
}
