import type { ApiObject } from "../registry/strategy.ts";
import { isObject } from "../schema/schema-node.ts";

/**
 * What a field of Go's JSONSchemaProps and of the structs in it may hold. `…OrBool` and the like are Go's own unions.
 * @see k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/types_jsonschema.go
 */
type FieldType =
  | "string"
  | "bool"
  | "int64"
  | "float64"
  | "any"
  | { readonly list: FieldType }
  | { readonly map: FieldType }
  | { readonly struct: string }
  | { readonly union: readonly FieldType[] };

const SCHEMA: FieldType = { struct: "JSONSchemaProps" };
const SCHEMAS: FieldType = { map: SCHEMA };
const SCHEMA_OR_BOOL: FieldType = { union: [SCHEMA, "bool"] };
const TEXTS: FieldType = { list: "string" };

const fields = (type: FieldType, ...names: string[]) => names.map((name) => [name, type] as const);

const STRUCTS: Readonly<Record<string, ReadonlyMap<string, FieldType>>> = {
  JSONSchemaProps: new Map([
    ...fields("string", "$ref", "$schema", "id", "description", "type", "format", "title", "pattern"),
    ...fields("string", "x-kubernetes-list-type", "x-kubernetes-map-type"),
    ...fields("bool", "nullable", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum"),
    ...fields("bool", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"),
    ...fields("bool", "x-kubernetes-int-or-string"),
    ...fields("int64", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    ...fields("float64", "minimum", "maximum", "multipleOf"),
    ...fields("any", "default", "example"),
    ...fields({ list: "any" }, "enum"),
    ...fields(TEXTS, "required", "x-kubernetes-list-map-keys"),
    ...fields({ list: SCHEMA }, "allOf", "anyOf", "oneOf"),
    ...fields(SCHEMA, "not"),
    ...fields(SCHEMAS, "properties", "patternProperties", "definitions"),
    ...fields({ union: [SCHEMA, { list: SCHEMA }] }, "items"),
    ...fields(SCHEMA_OR_BOOL, "additionalProperties", "additionalItems"),
    ...fields({ map: { union: [SCHEMA, TEXTS] } }, "dependencies"),
    ...fields({ struct: "ExternalDocumentation" }, "externalDocs"),
    ...fields({ list: { struct: "ValidationRule" } }, "x-kubernetes-validations"),
  ]),
  ExternalDocumentation: new Map(fields("string", "description", "url")),
  ValidationRule: new Map([
    ...fields("string", "rule", "message", "messageExpression", "reason", "fieldPath"),
    ...fields("bool", "optionalOldSelf"),
  ]),
};

/** Where a value stands, as Go's decoder names it: struct fields only, neither indices nor keys of maps. */
interface Place {
  readonly struct: string;
  readonly path: string;
}

/**
 * Reads the schemas of a definition as Go's decoder would: a null is as good as nothing, in place; what does not decode is
 * answered in the decoder's words. Everything after it may rely on the types.
 */
export function decodeSchemas({ spec }: ApiObject): string | undefined {
  const versions = isObject(spec) && Array.isArray(spec.versions) ? spec.versions : [];
  const path = "spec.versions.schema.openAPIV3Schema";
  for (const version of versions) {
    const schema = isObject(version) && isObject(version.schema) ? version.schema : {};
    const problem = decodeFields(schema, new Map(fields(SCHEMA, "openAPIV3Schema")), {
      struct: "CustomResourceValidation",
      path: path.slice(0, path.lastIndexOf(".")),
    });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function decodeFields(
  object: Record<string, unknown>,
  types: ReadonlyMap<string, FieldType>,
  { struct, path }: Place,
): string | undefined {
  for (const [name, type] of types) {
    if (!Object.hasOwn(object, name)) continue;
    if (object[name] === null && type !== "any") {
      delete object[name];
      continue;
    }
    const problem = decodeValue(object[name], type, { struct, path: `${path}.${name}` });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function decodeValue(value: unknown, type: FieldType, place: Place): string | undefined {
  if (typeof type === "string") return isScalar(value, type) ? undefined : mismatch(value, type, place);
  if ("union" in type) {
    const fitting = type.union.find((each) => hasShape(value, each));
    return fitting === undefined ? mismatch(value, type, place) : decodeValue(value, fitting, place);
  }
  if (!hasShape(value, type)) return mismatch(value, type, place);
  if ("struct" in type) {
    return decodeFields(value as Record<string, unknown>, STRUCTS[type.struct] ?? new Map(), {
      struct: type.struct,
      path: place.path,
    });
  }
  const inner = "list" in type ? type.list : type.map;
  const container = value as Record<string | number, unknown>;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(container)) {
    if (container[key] === null) container[key] = zero(inner);
    const problem = decodeValue(container[key], inner, place);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What Go makes of a null in a list or map. */
function zero(type: FieldType): unknown {
  if (type === "any") return null;
  if (type === "string") return "";
  return typeof type === "object" && "list" in type ? [] : {};
}

function hasShape(value: unknown, type: FieldType): boolean {
  if (typeof type === "string") return isScalar(value, type);
  return "list" in type ? Array.isArray(value) : isObject(value);
}

function isScalar(value: unknown, type: FieldType): boolean {
  switch (type) {
    case "any":
      return true;
    case "string":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "int64":
      return Number.isInteger(value);
    default:
      return typeof value === "number";
  }
}

function mismatch(value: unknown, type: FieldType, { struct, path }: Place): string {
  return `json: cannot unmarshal ${jsonType(value)} into Go struct field ${struct}.${path} of type ${goType(type)}`;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "number" && !Number.isInteger(value)) return `number ${value}`;
  return typeof value === "boolean" ? "bool" : typeof value;
}

function goType(type: FieldType): string {
  if (typeof type === "string") return type === "any" ? "interface {}" : type;
  if ("struct" in type) return `v1.${type.struct}`;
  if ("list" in type) return `[]${goType(type.list)}`;
  if ("map" in type) return `map[string]${goType(type.map)}`;
  return goType(type.union[0] ?? "any");
}
