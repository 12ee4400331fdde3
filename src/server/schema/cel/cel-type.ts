import type { JsonSchema } from "../../../api/json-schema.ts";
import { objectMetaSchema } from "../object-meta.ts";

/**
 * What a schema looks like to CEL: the types that rules are checked against, with the sizes that bound their cost.
 * @see https://kubernetes.io/docs/reference/using-api/cel/#type-system-integration
 */
export type CelType =
  | { readonly kind: "bool" | "int" | "double" | "dyn" | "timestamp" | "duration" }
  | { readonly kind: "string" | "bytes"; readonly maxSize: number }
  | { readonly kind: "list"; readonly items: CelType; readonly maxSize: number; readonly isSet: boolean }
  | { readonly kind: "map"; readonly values: CelType; readonly maxSize: number }
  | ObjectType;

export interface ObjectType {
  readonly kind: "object";
  /** Unique within one set of types. */
  readonly name: string;
  /** By the name that CEL uses; `property` is the name in the object. */
  readonly fields: ReadonlyMap<string, { readonly property: string; readonly type: CelType }>;
}

/** Kubernetes bounds sizes without a limit of their own by what fits into a request. */
const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
const MAX_DATE = 10;
const MAX_DATE_TIME = 29;
const MAX_DURATION = 32;

/** Makes types and names those of objects. One for each schema of a kind. */
export class CelTypes {
  readonly objects: ObjectType[] = [];
  readonly #known = new Map<JsonSchema, CelType | undefined>();

  /** Undefined for what rules cannot see: values of which the schema says nothing. Made once for each schema. */
  typeOf(schema: JsonSchema, isResource = false): CelType | undefined {
    if (!this.#known.has(schema)) this.#known.set(schema, this.#make(schema, isResource));
    return this.#known.get(schema);
  }

  #make(schema: JsonSchema, isResource: boolean): CelType | undefined {
    if (schema["x-kubernetes-int-or-string"] === true) return { kind: "dyn" };
    switch (schema.type) {
      case "string":
        return stringType(schema);
      case "boolean":
        return { kind: "bool" };
      case "integer":
        return { kind: "int" };
      case "number":
        return { kind: "double" };
      case "array":
        return this.#list(schema);
      case "object":
        return this.#object(schema, isResource || schema["x-kubernetes-embedded-resource"] === true);
      default:
        return undefined;
    }
  }

  #list(schema: JsonSchema): CelType | undefined {
    const items = schema.items === undefined ? undefined : this.typeOf(schema.items);
    if (items === undefined) return undefined;
    const maxSize = schema.maxItems ?? fits(minimalBytes(schema.items) + 1);
    return { kind: "list", items, maxSize, isSet: schema["x-kubernetes-list-type"] === "set" };
  }

  #object(schema: JsonSchema, isResource: boolean): CelType | undefined {
    const { additionalProperties, properties = {} } = schema;
    if (typeof additionalProperties === "object") {
      const values = this.typeOf(additionalProperties);
      if (values === undefined) return undefined;
      const maxSize = schema.maxProperties ?? fits(minimalBytes(additionalProperties) + 6);
      return { kind: "map", values, maxSize };
    }
    const all = isResource ? { ...properties, ...resourceProperties(properties) } : properties;
    const fields = new Map<string, { property: string; type: CelType }>();
    for (const [property, child] of Object.entries(all)) {
      const type = this.typeOf(child);
      const name = escapeName(property);
      if (type !== undefined && name !== undefined) fields.set(name, { property, type });
    }
    const type: ObjectType = { kind: "object", name: `Object${this.objects.length}`, fields };
    this.objects.push(type);
    return type;
  }
}

/** Of a resource, rules see the type, the name and the generated name. */
function resourceProperties({ metadata }: Record<string, JsonSchema>): Record<string, JsonSchema> {
  const { name, generateName } = { ...objectMetaSchema.properties, ...metadata?.properties };
  return {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: {
      type: "object",
      properties: { ...(name ? { name } : {}), ...(generateName ? { generateName } : {}) },
    },
  };
}

function stringType({ format, maxLength, enum: values }: JsonSchema): CelType {
  if (format === "duration") return { kind: "duration" };
  if (format === "date" || format === "date-time") return { kind: "timestamp" };
  if (format === "byte") return { kind: "bytes", maxSize: maxLength ?? MAX_REQUEST_BYTES - 2 };
  if (values !== undefined && values.length > 0) {
    return { kind: "string", maxSize: Math.max(...values.map((value) => String(value).length)) };
  }
  // A character has up to four bytes.
  return { kind: "string", maxSize: maxLength === undefined ? MAX_REQUEST_BYTES - 2 : maxLength * 4 };
}

/** The most that a value of the type can have, for cost: characters, items or entries. */
export function maxSizeOf(type: CelType | undefined): number {
  switch (type?.kind) {
    case "string":
    case "bytes":
    case "list":
    case "map":
      return type.maxSize;
    case "timestamp":
      return MAX_DATE_TIME;
    case "duration":
      return MAX_DURATION;
    default:
      return 1;
  }
}

function fits(bytes: number): number {
  return Math.floor((MAX_REQUEST_BYTES - 2) / bytes);
}

/** The fewest bytes that a value takes in JSON. */
function minimalBytes(schema: JsonSchema | undefined): number {
  switch (schema?.type) {
    case "object":
      return 2 + requiredBytes(schema);
    case "boolean":
      return 4;
    case "integer":
    case "number":
      return 1;
    case "string":
      return schema.format === "date" ? MAX_DATE : schema.format === "date-time" ? MAX_DATE_TIME - 9 : 2;
    default:
      return 2;
  }
}

function requiredBytes({ properties = {}, required = [] }: JsonSchema): number {
  let bytes = 0;
  for (const name of required) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    // Name in quotes, a colon, and a comma; a default makes the field appear although nobody sent it.
    if (property !== undefined && property.default === undefined) bytes += name.length + 4 + minimalBytes(property);
  }
  return bytes;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  "true",
  "false",
  "null",
  "in",
  "as",
  "break",
  "const",
  "continue",
  "else",
  "for",
  "function",
  "if",
  "import",
  "let",
  "loop",
  "package",
  "namespace",
  "return",
  "var",
  "void",
  "while",
]);

/** How a property is written in a rule; undefined where it cannot be. */
function escapeName(property: string): string | undefined {
  if (KEYWORDS.has(property)) return `__${property}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(property)) return undefined;
  return property
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

/** The type as declarations of cel-js write it. */
export function typeName(type: CelType): string {
  switch (type.kind) {
    case "list":
      return `list<${typeName(type.items)}>`;
    case "map":
      return `map<string, ${typeName(type.values)}>`;
    case "object":
      return type.name;
    case "timestamp":
      return "google.protobuf.Timestamp";
    case "duration":
      return "google.protobuf.Duration";
    default:
      return type.kind;
  }
}
