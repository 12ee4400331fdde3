import type { JsonSchema } from "../../api/json-schema.ts";
import { typeNameOf } from "../builtin/schemas/index.ts";
import type { FieldError } from "../resource.ts";

/**
 * Why a body does not decode into a built-in kind, in the words of Go's decoder: `json: cannot unmarshal number into Go
 * struct field ConfigMap.data of type string`. `error` is the schema's complaint.
 */
export function decodeError(object: unknown, schema: JsonSchema, kind: string, error: FieldError): string {
  const place = locate(object, schema, kind, error.path);
  const { value, expected } = place;
  if (expected.format === "byte" && typeof value === "string") return base64Error(value);
  if (expected.format === "date-time" && typeof value === "string") return timeError(value, isMicro(place.field));
  // A number that does not fit is shown; one where no number belongs is not.
  const shown = typeof value === "number" && expected.type === "integer" ? `number ${value}` : jsonType(value);
  return `json: cannot unmarshal ${shown} into Go struct field ${place.struct}.${place.field} of type ${goType(expected)}`;
}

interface Place {
  value: unknown;
  expected: JsonSchema;
  /** The struct that holds the field, and the field's path from the root. */
  struct: string;
  field: string;
}

/** Follows a path such as `spec.template.spec.containers[0].image` or `data.key`. */
function locate(object: unknown, schema: JsonSchema, kind: string, path: string): Place {
  const place: Place = { value: object, expected: schema, struct: kind, field: "" };
  for (const key of path.replaceAll(/\[(\d+)\]/g, ".$1").split(".")) {
    const { value, expected } = place;
    place.value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    const property = expected.properties?.[key];
    if (property) {
      place.struct = typeNameOf(expected) ?? kind;
      place.field = place.field === "" ? key : `${place.field}.${key}`;
      place.expected = property;
    } else place.expected = expected.items ?? asSchema(expected.additionalProperties);
  }
  return place;
}

function asSchema(schema: JsonSchema | boolean | undefined): JsonSchema {
  return typeof schema === "object" ? schema : {};
}

function goType(schema: JsonSchema): string {
  switch (schema.type) {
    case "integer":
      return schema.format ?? "int64";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "array":
      return `[]${goType(schema.items ?? {})}`;
    case "object": {
      const name = typeNameOf(schema);
      if (name !== undefined) return `v1.${name}`;
      return `map[string]${goType(asSchema(schema.additionalProperties))}`;
    }
    default:
      return schema.format === "byte" ? "[]uint8" : "string";
  }
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function base64Error(text: string): string {
  const at = text.search(/[^A-Za-z0-9+/=]/);
  return `illegal base64 data at input byte ${at < 0 ? text.length : at}`;
}

/** Fields of type MicroTime, which the schemas do not tell from others. */
const MICRO_FIELDS = new Set(["acquireTime", "renewTime", "eventTime", "lastObservedTime"]);

function isMicro(field: string): boolean {
  return MICRO_FIELDS.has(field.slice(field.lastIndexOf(".") + 1));
}

/** A MicroTime has six digits after the point, no more. Undefined for one that Go would read. */
export function microTimeError(text: string): string | undefined {
  const rest = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(\d.*)$/.exec(text)?.[1];
  if (rest === undefined) return undefined;
  return `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse ${JSON.stringify(rest)} as "Z07:00"`;
}

function timeError(text: string, micro: boolean): string {
  const layout = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
  return `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(text)} as "2006"`;
}
