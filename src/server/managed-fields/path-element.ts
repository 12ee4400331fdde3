import { isObject } from "../schema/schema-node.ts";
import type { ListType } from "./typed-schema.ts";

/** Elements are written once for each name: nearly all are of schemas, and each write of an object meets them again. */
const elements = new Map<string, string>();
/** Strangers choose some names, so there are no more and no longer ones than that. */
const MAX_ELEMENTS = 8_192;
const MAX_NAME = 64;

export function fieldElement(name: string): string {
  const known = elements.get(name);
  if (known !== undefined) return known;
  const element = `f:${name}`;
  if (name.length <= MAX_NAME && elements.size < MAX_ELEMENTS) elements.set(name, element);
  return element;
}

/** The path element of a list item, or why it has none. Only for lists that are not atomic. */
export function itemElement(type: ListType, item: unknown): { element: string } | { error: string } {
  return type.relation === "map" ? keyElement(type, item) : valueElement(item);
}

/** As `itemElement`, for lists that were checked; undefined for what has none. */
export function elementOf(type: ListType, item: unknown): string | undefined {
  const result = itemElement(type, item);
  return "element" in result ? result.element : undefined;
}

function keyElement({ keys, keyDefaults }: ListType, item: unknown): { element: string } | { error: string } {
  if (item === null) return { error: "associative list with keys may not have a null element" };
  if (!isObject(item)) return { error: "associative list with keys may not have non-map elements" };
  const parts: string[] = [];
  for (const key of keys) {
    const value = Object.hasOwn(item, key) ? item[key] : keyDefaults.get(key);
    if (value !== undefined) parts.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
  }
  if (parts.length > 0) return { element: `k:{${parts.join(",")}}` };
  const names = keys.map((key) => JSON.stringify(key)).join(" ");
  return {
    error: `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  };
}

function valueElement(item: unknown): { element: string } | { error: string } {
  if (item === null) return { error: "associative list without keys has an element that's an explicit null" };
  if (Array.isArray(item)) return { error: "not supported: associative list with lists as elements" };
  if (typeof item === "object") return { error: "associative list without keys has an element that's a map type" };
  return { element: `v:${JSON.stringify(item)}` };
}

/** A path as conflicts name it: `.spec.env[name="A"].value`, `.spec.tags[="a"]`. */
export function formatPath(path: readonly string[]): string {
  return path.map(formatElement).join("");
}

export function formatElement(element: string): string {
  const text = element.slice(2);
  switch (element[0]) {
    case "f":
      return `.${text}`;
    case "k": {
      const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    }
    case "v":
      return `[=${text}]`;
    default:
      return `[${text}]`;
  }
}
