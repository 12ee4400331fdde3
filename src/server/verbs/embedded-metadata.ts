import type { JsonSchema } from "../../api/json-schema.ts";
import { isRecord, MetadataTypeError, shapeMetadata } from "./metadata-shape.ts";

const containsEmbedded = new WeakMap<JsonSchema, boolean>();

/**
 * The metadata of resources that a custom object embeds (`x-kubernetes-embedded-resource`) is decoded like the object's
 * own. Returns the paths of unknown fields, which go. @throws {MetadataTypeError} naming the place.
 */
export function shapeEmbeddedMetadata(value: unknown, schema: JsonSchema, path = ""): string[] {
  if (!hasEmbedded(schema)) return [];
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, index) => shapeEmbeddedMetadata(item, items, `${path}[${index}]`)) : [];
  }
  if (!isRecord(value)) return [];
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true && isRecord(value.metadata);
  const unknown = isEmbedded ? shapeOne(value, path) : [];
  const values = typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
  for (const [key, item] of Object.entries(value)) {
    const property = schema.properties?.[key] ?? values;
    if (property) unknown.push(...shapeEmbeddedMetadata(item, property, path === "" ? key : `${path}.${key}`));
  }
  return unknown;
}

function shapeOne(value: Record<string, unknown>, path: string): string[] {
  const sent = JSON.stringify(value.metadata);
  try {
    return shapeMetadata(value, true).map((field) => `${path}.${field}`);
  } catch (error) {
    if (!(error instanceof MetadataTypeError)) throw error;
    throw new MetadataTypeError(`${path}.metadata: Invalid value: ${sent}: ${error.message}`);
  }
}

/** Most schemas have none; asking costs one look-up. */
function hasEmbedded(schema: JsonSchema): boolean {
  const known = containsEmbedded.get(schema);
  if (known !== undefined) return known;
  const { properties, items, additionalProperties } = schema;
  const found =
    schema["x-kubernetes-embedded-resource"] === true ||
    Object.values(properties ?? {}).some(hasEmbedded) ||
    (items !== undefined && hasEmbedded(items)) ||
    (typeof additionalProperties === "object" && hasEmbedded(additionalProperties));
  containsEmbedded.set(schema, found);
  return found;
}
