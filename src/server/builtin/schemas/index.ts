import type { JsonSchema } from "../../../api/json-schema.ts";
import { objectMetaSchema } from "../../schema/object-meta.ts";
import { KIND_TYPES } from "./kind-types.ts";
import { type FieldNotation, parseField, schemaOfType } from "./type-notation.ts";
import { notationOf } from "./types.ts";

/** Schemas by type, so that kinds that embed the same type share it. */
const published = new Map<string, JsonSchema>();
const lenient = new Map<string, JsonSchema>();
const typeNames = new WeakMap<JsonSchema, string>();

/**
 * The schema of a built-in kind; undefined for kinds that are not described. Nothing is required in it: what a built-in
 * kind requires is its strategy's business, and said in other words.
 */
export function builtInSchema(group: string, version: string, kind: string): JsonSchema | undefined {
  return kindSchema(`${group}/${version}/${kind}`, lenient, false);
}

/** The same with required fields, as OpenAPI publishes it. */
export function publishedSchema(group: string, version: string, kind: string): JsonSchema | undefined {
  return kindSchema(`${group}/${version}/${kind}`, published, true);
}

/** The name of the type that a schema of this module describes: `Container`. */
export function typeNameOf(schema: JsonSchema): string | undefined {
  return typeNames.get(schema);
}

function kindSchema(key: string, cache: Map<string, JsonSchema>, requires: boolean): JsonSchema | undefined {
  const known = KIND_TYPES.get(key);
  if (known === undefined) return undefined;
  const schema = typeSchema(known.type, cache, requires);
  const cached = cache.get(key);
  if (cached !== undefined) return cached;
  const whole: JsonSchema = {
    ...schema,
    description: known.description,
    properties: {
      apiVersion: { type: "string", description: "Group and version of the kind." },
      kind: { type: "string", description: "Name of the kind." },
      metadata: objectMetaSchema,
      ...schema.properties,
    },
  };
  typeNames.set(whole, known.type);
  cache.set(key, whole);
  return whole;
}

function typeSchema(name: string, cache: Map<string, JsonSchema>, requires: boolean): JsonSchema {
  const known = cache.get(name);
  if (known !== undefined) return known;
  if (name === "ObjectMeta") return objectMetaSchema;
  const { "": attribute, ...fields } = notationOf(name) ?? {};
  const properties: Record<string, JsonSchema> = {};
  const schema: JsonSchema = { type: "object", properties };
  cache.set(name, schema);
  typeNames.set(schema, name);
  if (attribute === "atomic") schema["x-kubernetes-map-type"] = "atomic";
  const required: string[] = [];
  for (const [field, line] of Object.entries(fields)) {
    const notation = parseField(line);
    properties[field] = fieldSchema(notation, (type) => typeSchema(type, cache, requires));
    if (notation.required) required.push(field);
  }
  if (requires && required.length > 0) schema.required = required;
  return schema;
}

function fieldSchema(notation: FieldNotation, resolve: (type: string) => JsonSchema): JsonSchema {
  const { type, listMapKeys, isSet, isAtomicMap, patchStrategy, defaultJson, description } = notation;
  const base = schemaOfType(type, resolve);
  const isList = type.startsWith("[]");
  const extra: JsonSchema = {
    ...(description === undefined ? {} : { description }),
    ...(isList ? { "x-kubernetes-list-type": listMapKeys ? "map" : isSet ? "set" : "atomic" } : {}),
    ...(listMapKeys === undefined ? {} : { "x-kubernetes-list-map-keys": [...listMapKeys] }),
    ...(isAtomicMap ? { "x-kubernetes-map-type": "atomic" } : {}),
    ...(patchStrategy === undefined ? {} : { "x-kubernetes-patch-strategy": patchStrategy }),
    ...(patchStrategy?.includes("merge") && listMapKeys?.[0] !== undefined
      ? { "x-kubernetes-patch-merge-key": listMapKeys[0] }
      : {}),
    ...(defaultJson === undefined ? {} : { default: JSON.parse(defaultJson) as unknown }),
  };
  return Object.keys(extra).length === 0 ? base : withExtra(base, extra);
}

function withExtra(base: JsonSchema, extra: JsonSchema): JsonSchema {
  const schema = { ...base, ...extra };
  const name = typeNames.get(base);
  if (name !== undefined) typeNames.set(schema, name);
  return schema;
}
