import type { JsonSchema } from "../../api/json-schema.ts";
import { expressionError } from "../../cel/regular-expression.ts";
import type { FieldError } from "../resource.ts";
import { forbidden, invalid, notSupported, required } from "../schema/field-errors.ts";
import { combinationErrors } from "./combination-validation.ts";
import { defaultErrors } from "./default-validation.ts";
import { listAndMapErrors } from "./list-and-map-validation.ts";

/** Where a schema stands: what it must say of its type differs. */
type Level = "root" | "item" | "field";

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];
const UNSUPPORTED = ["$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "id"] as const;

/** The rules of structural schemas, for a schema and everything below it. */
export function schemaErrors(schema: JsonSchema, path: string, level: Level = "root"): FieldError[] {
  return [
    ...keywordErrors(schema, path),
    ...typeErrors(schema, path, level),
    ...metadataErrors(schema, path, level),
    ...listAndMapErrors(schema, path),
    ...combinationErrors(schema, path),
    ...defaultErrors(schema, path),
    ...childErrors(schema, path),
  ];
}

function childErrors({ properties = {}, additionalProperties, items }: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, property] of Object.entries(properties)) {
    errors.push(...schemaErrors(property, `${path}.properties[${name}]`, "field"));
  }
  if (typeof additionalProperties === "object") {
    errors.push(...schemaErrors(additionalProperties, `${path}.additionalProperties`, "field"));
  }
  if (typeof items === "object" && !Array.isArray(items)) errors.push(...schemaErrors(items, `${path}.items`, "item"));
  return errors;
}

/** Keywords that are not supported at all, or not beside each other. */
function keywordErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const keyword of UNSUPPORTED) {
    if (keyword in schema) errors.push(forbidden(`${path}.${keyword}`, `${keyword} is not supported`));
  }
  if (schema.uniqueItems === true) {
    const because = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    errors.push(forbidden(`${path}.uniqueItems`, because));
  }
  if (schema.additionalProperties !== undefined && Object.keys(schema.properties ?? {}).length > 0) {
    const because = "additionalProperties and properties are mutual exclusive";
    errors.push(forbidden(`${path}.additionalProperties`, because));
  }
  if (Array.isArray(schema.items)) {
    errors.push(forbidden(`${path}.items`, "items must be a schema object and not an array"));
  }
  const patternError = schema.pattern === undefined ? undefined : expressionError(schema.pattern);
  if (patternError !== undefined) {
    const because = `must be a valid regular expression, but isn't: ${patternError}`;
    errors.push(invalid(`${path}.pattern`, schema.pattern, because));
  }
  return errors;
}

function typeErrors(schema: JsonSchema, path: string, level: Level): FieldError[] {
  const at = `${path}.type`;
  const { type } = schema;
  const errors: FieldError[] = [];
  if (type === undefined) {
    if (!mayLackType(schema, level) && !("$ref" in schema)) errors.push(required(at, MISSING_TYPE[level]));
  } else if (!TYPES.includes(type)) errors.push(notSupported(at, type, TYPES));
  else if (level === "root" && type !== "object") errors.push(invalid(at, type, "must be object at the root"));
  if (type === "array" && schema.items === undefined) errors.push(required(`${path}.items`, "must be specified"));
  if (level === "root" && schema.nullable === true) {
    errors.push(forbidden(`${path}.nullable`, "nullable cannot be true at the root"));
  }
  return errors;
}

const MISSING_TYPE: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

function mayLackType(schema: JsonSchema, level: Level): boolean {
  if (level === "root") return false;
  return schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
}

const ONLY_NAME = "must not specify anything other than name and generateName, but metadata is implicitly specified";

/** Metadata is the server's: a schema may restrict the name and nothing else. */
function metadataErrors(schema: JsonSchema, path: string, level: Level): FieldError[] {
  const embedded = schema["x-kubernetes-embedded-resource"] === true;
  const errors = embedded ? embeddedErrors(schema, path) : [];
  if (level !== "root" && !embedded) return errors;
  const { metadata, apiVersion, kind } = schema.properties ?? {};
  for (const [name, property] of Object.entries({ apiVersion, kind })) {
    if (property?.type !== undefined && property.type !== "string") {
      errors.push(invalid(`${path}.properties[${name}].type`, property.type, "must be string"));
    }
  }
  if (metadata === undefined) return errors;
  const at = `${path}.properties[metadata]`;
  if (metadata.type !== undefined && metadata.type !== "object") {
    errors.push(invalid(`${at}.type`, metadata.type, "must be object"));
  }
  const allowed = new Set(["type", "properties", "description", "x-kubernetes-validations", "title"]);
  const others = Object.keys(metadata).some((keyword) => !allowed.has(keyword));
  const names = Object.keys(metadata.properties ?? {});
  if (others || names.some((name) => name !== "name" && name !== "generateName")) errors.push(forbidden(at, ONLY_NAME));
  return errors;
}

function embeddedErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const must = "must be object if x-kubernetes-embedded-resource is true";
  if (schema.type === undefined) errors.push(required(`${path}.type`, must));
  else if (schema.type !== "object") errors.push(invalid(`${path}.type`, schema.type, must));
  if (schema["x-kubernetes-preserve-unknown-fields"] !== true && Object.keys(schema.properties ?? {}).length === 0) {
    const because =
      "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
    errors.push(required(`${path}.properties`, because));
  }
  if (schema.additionalProperties !== undefined) {
    const because = "must not be used if x-kubernetes-embedded-resource is set";
    errors.push(forbidden(`${path}.additionalProperties`, because));
  }
  return errors;
}
