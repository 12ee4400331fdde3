import type { JsonSchema } from "../../api/json-schema.ts";
import { objectMetaSchema } from "./object-meta.ts";

/**
 * A structural schema, prepared for walking objects: properties in a Map, so that an object's key never meets
 * `Object.prototype`, and the fields that every object with metadata has, filled in.
 */
export interface SchemaNode {
  readonly schema: JsonSchema;
  readonly properties: ReadonlyMap<string, SchemaNode>;
  /** The schema of values under other keys; undefined where there is none. */
  readonly additional: SchemaNode | undefined;
  readonly items: SchemaNode | undefined;
  readonly preservesUnknown: boolean;
  readonly nullable: boolean;
  /** JSON text of the default; undefined where there is none. */
  readonly defaultJson: string | undefined;
  /** Whether a default stands here or anywhere below. */
  readonly hasDefaults: boolean;
  /** Deeper nodes are all reached through these; a node without any is a leaf. */
  readonly isLeaf: boolean;
}

const NO_PROPERTIES: ReadonlyMap<string, SchemaNode> = new Map();

/** `root` true for the schema of a whole kind. */
export function toSchemaNode(schema: JsonSchema, root = false): SchemaNode {
  const properties = new Map<string, SchemaNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) properties.set(name, toSchemaNode(property));
  if (root || schema["x-kubernetes-embedded-resource"] === true) addTypeAndObjectMeta(properties, schema);
  const additional =
    typeof schema.additionalProperties === "object" ? toSchemaNode(schema.additionalProperties) : undefined;
  const items = schema.items === undefined ? undefined : toSchemaNode(schema.items);
  const children = [...properties.values(), additional, items].filter((child) => child !== undefined);
  return {
    schema,
    properties: properties.size === 0 ? NO_PROPERTIES : properties,
    additional,
    items,
    preservesUnknown: schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties === true,
    nullable: schema.nullable === true,
    defaultJson: schema.default === undefined ? undefined : JSON.stringify(schema.default),
    hasDefaults: schema.default !== undefined || children.some((child) => child.hasDefaults),
    isLeaf: children.length === 0,
  };
}

let metadataNode: SchemaNode | undefined;

/** What a schema says of `metadata` are only further rules for the name; its fields are always the same. */
function addTypeAndObjectMeta(properties: Map<string, SchemaNode>, schema: JsonSchema): void {
  metadataNode ??= toSchemaNode(objectMetaSchema);
  for (const name of ["apiVersion", "kind"]) {
    if (!properties.has(name)) properties.set(name, toSchemaNode({ type: "string" }));
  }
  const rules = schema.properties?.metadata;
  properties.set("metadata", rules === undefined ? metadataNode : { ...metadataNode, schema: rules });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
