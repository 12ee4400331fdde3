import type { JsonSchema } from "../../api/json-schema.ts";
import { isRecord } from "./metadata-shape.ts";

/**
 * Built-in kinds are Go structs with `omitempty`: null, an empty list and an empty map are the same as nothing, while an
 * empty struct stays. In a map of strings null is the empty string. Changes `object`.
 */
export function dropEmptyValues(object: Record<string, unknown>, schema: JsonSchema): void {
  const { properties, additionalProperties } = schema;
  const values = isRecord(additionalProperties) ? (additionalProperties as JsonSchema) : undefined;
  for (const [key, value] of Object.entries(object)) {
    const property = properties?.[key] ?? values;
    if (value === null) {
      if (properties?.[key] === undefined && values?.type === "string") object[key] = "";
      else delete object[key];
    } else if (property !== undefined && dropWithin(value, property)) delete object[key];
  }
}

/** Returns whether nothing is left of a list or map. */
function dropWithin(value: unknown, schema: JsonSchema): boolean {
  if (Array.isArray(value)) {
    if (schema.type !== "array") return false;
    for (const item of value) if (schema.items !== undefined) dropWithin(item, schema.items);
    return value.length === 0;
  }
  if (!isRecord(value)) return false;
  dropEmptyValues(value, schema);
  const isMap = schema.properties === undefined && isRecord(schema.additionalProperties);
  return isMap && Object.keys(value).length === 0;
}
