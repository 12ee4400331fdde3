import type { JsonSchema } from "../../api/json-schema.ts";
import type { ResourceDefinition } from "../resource.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";

/** How the fields of a value are owned and merged: what structured-merge-diff calls an atom. */
export type FieldType = ScalarType | ListType | MapType | DeducedType;

export interface ScalarType {
  readonly kind: "scalar";
  /** `any` also stands for int-or-string. */
  readonly scalar: "string" | "number" | "boolean" | "any";
}

export interface ListType {
  readonly kind: "list";
  /** An atomic list has one owner; items of a set are owned by value, those of a map by their keys. */
  readonly relation: "atomic" | "set" | "map";
  readonly keys: readonly string[];
  readonly keyDefaults: ReadonlyMap<string, unknown>;
  readonly items: FieldType;
}

export interface MapType {
  readonly kind: "map";
  readonly atomic: boolean;
  /** Fields that the schema names. */
  readonly fields: ReadonlyMap<string, FieldType>;
  /** The type of all others; undefined where there may be none. */
  readonly others: FieldType | undefined;
}

/** No schema: scalars and lists are leaves, maps are owned key by key. */
export interface DeducedType {
  readonly kind: "deduced";
}

const DEDUCED: DeducedType = { kind: "deduced" };
const ATOMIC_DEDUCED_LIST: ListType = {
  kind: "list",
  relation: "atomic",
  keys: [],
  keyDefaults: new Map(),
  items: DEDUCED,
};
const DEDUCED_MAP: MapType = { kind: "map", atomic: false, fields: new Map(), others: DEDUCED };
const SCALAR: ScalarType = { kind: "scalar", scalar: "any" };

const rootTypes = new WeakMap<JsonSchema, FieldType>();

/** The type of a kind's whole objects. */
export function typeOfDefinition({ schema }: ResourceDefinition): FieldType {
  const key = schema ?? NO_SCHEMA;
  let type = rootTypes.get(key);
  if (type === undefined) {
    type = rootType(key);
    rootTypes.set(key, type);
  }
  return type;
}

const NO_SCHEMA: JsonSchema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function rootType(schema: JsonSchema): FieldType {
  const type = toFieldType(schema);
  const fields = new Map(type.kind === "map" ? type.fields : []);
  fields.set("apiVersion", { kind: "scalar", scalar: "string" });
  fields.set("kind", { kind: "scalar", scalar: "string" });
  fields.set("metadata", metadataType());
  return { kind: "map", atomic: false, fields, others: type.kind === "map" ? type.others : DEDUCED };
}

let cachedMetadataType: FieldType | undefined;

function metadataType(): FieldType {
  cachedMetadataType ??= toFieldType(objectMetaSchema);
  return cachedMetadataType;
}

function toFieldType(schema: JsonSchema): FieldType {
  // Published without a type: what it is says the value.
  if (schema["x-kubernetes-int-or-string"] === true) return DEDUCED;
  switch (schema.type) {
    case "string":
      return { kind: "scalar", scalar: "string" };
    case "boolean":
      return { kind: "scalar", scalar: "boolean" };
    case "integer":
    case "number":
      return { kind: "scalar", scalar: "number" };
    case "array":
      return toListType(schema);
    case "object":
      return toMapType(schema);
    default:
      return DEDUCED;
  }
}

function toMapType(schema: JsonSchema): FieldType {
  const { properties, additionalProperties } = schema;
  const atomic = schema["x-kubernetes-map-type"] === "atomic";
  const preserves = schema["x-kubernetes-preserve-unknown-fields"] === true;
  const open = preserves || additionalProperties === true || properties === undefined;
  const fields = new Map(Object.entries(properties ?? {}).map(([name, property]) => [name, toFieldType(property)]));
  if (schema["x-kubernetes-embedded-resource"] === true) addEmbedded(fields);
  if (fields.size === 0 && typeof additionalProperties !== "object" && !atomic) return DEDUCED;
  const others = typeof additionalProperties === "object" ? toFieldType(additionalProperties) : undefined;
  return { kind: "map", atomic, fields, others: others ?? (open ? DEDUCED : undefined) };
}

function addEmbedded(fields: Map<string, FieldType>): void {
  fields.set("apiVersion", { kind: "scalar", scalar: "string" });
  fields.set("kind", { kind: "scalar", scalar: "string" });
  fields.set("metadata", metadataType());
}

function toListType(schema: JsonSchema): ListType {
  const items = schema.items === undefined ? DEDUCED : toFieldType(schema.items);
  const mergeKey = schema["x-kubernetes-patch-merge-key"];
  const merges = schema["x-kubernetes-patch-strategy"]?.includes("merge") === true;
  const relation = schema["x-kubernetes-list-type"] ?? (merges ? (mergeKey === undefined ? "set" : "map") : "atomic");
  const keys = schema["x-kubernetes-list-map-keys"] ?? (mergeKey === undefined ? [] : [mergeKey]);
  const properties = schema.items?.properties ?? {};
  const keyDefaults = new Map<string, unknown>();
  for (const key of keys) {
    if (properties[key]?.default !== undefined) keyDefaults.set(key, properties[key].default);
  }
  return { kind: "list", relation, keys: relation === "map" ? [...keys].sort() : [], keyDefaults, items };
}

/** The type that applies to a value: a deduced one takes the value's own shape; null counts as a map. */
export function resolve(type: FieldType, value: unknown): Exclude<FieldType, DeducedType> {
  if (type.kind !== "deduced") return type;
  if (Array.isArray(value)) return ATOMIC_DEDUCED_LIST;
  return typeof value === "object" ? DEDUCED_MAP : SCALAR;
}

/** The type of one field of a map; undefined where the schema does not know it. */
export function fieldType({ fields, others }: MapType, name: string): FieldType | undefined {
  return fields.get(name) ?? others;
}
