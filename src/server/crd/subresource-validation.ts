import type { CustomResourceDefinitionVersion, PrinterColumn } from "../../api/custom-resource-definition.ts";
import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";
import { duplicate, invalid, required, tooMany } from "../schema/field-errors.ts";
import { compileJsonPath } from "../table/json-path.ts";

const SIMPLE_PATH = /^\.[a-zA-Z_$][\w$-]*(?:\.[a-zA-Z_$][\w$-]*)*$/;
const COLUMN_TYPES = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS = ["int32", "int64", "float", "double", "byte", "date", "date-time", "password"];
const MAX_SELECTABLE_FIELDS = 8;

type Scale = Partial<NonNullable<NonNullable<CustomResourceDefinitionVersion["subresources"]>["scale"]>>;

/** Rules for the paths of the scale subresource. */
export function scaleErrors(scale: Scale | undefined, path: string): FieldError[] {
  if (scale === undefined) return [];
  const { specReplicasPath = "", statusReplicasPath = "", labelSelectorPath } = scale;
  const selectorErrors =
    labelSelectorPath === undefined || labelSelectorPath === ""
      ? []
      : scalePathErrors(labelSelectorPath, ["spec", "status"], `${path}.labelSelectorPath`);
  return [
    ...scalePathErrors(specReplicasPath, ["spec"], `${path}.specReplicasPath`),
    ...scalePathErrors(statusReplicasPath, ["status"], `${path}.statusReplicasPath`),
    ...selectorErrors,
  ];
}

function scalePathErrors(value: string, parents: readonly string[], path: string): FieldError[] {
  if (value === "") return [required(path)];
  if (!SIMPLE_PATH.test(value)) return [invalid(path, value, "must be a simple json path starting with .")];
  if (parents.some((parent) => value.startsWith(`.${parent}.`))) return [];
  return [invalid(path, value, `should be a json path under ${parents.map((parent) => `.${parent}`).join(" or ")}`)];
}

/** Rules for printer columns. */
export function columnErrors(columns: readonly Partial<PrinterColumn>[], path: string): FieldError[] {
  return columns.flatMap((column, index) => oneColumnErrors(column, `${path}[${index}]`));
}

function oneColumnErrors(
  { name = "", type, format, jsonPath = "" }: Partial<PrinterColumn>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (name === "") errors.push(required(`${path}.name`));
  if (type === undefined) {
    errors.push(required(`${path}.type`, `must be one of ${COLUMN_TYPES.join(",")}`));
  } else if (!COLUMN_TYPES.includes(type)) {
    errors.push(invalid(`${path}.type`, type, `must be one of ${COLUMN_TYPES.join(",")}`));
  }
  if (format !== undefined && format !== "" && !COLUMN_FORMATS.includes(format)) {
    errors.push(invalid(`${path}.format`, format, `must be one of ${[...COLUMN_FORMATS].sort().join(",")}`));
  }
  if (jsonPath === "") errors.push(required(`${path}.JSONPath`));
  else if (!isColumnPath(jsonPath)) {
    errors.push(invalid(`${path}.JSONPath`, jsonPath, "must be a simple json path starting with ."));
  }
  return errors;
}

function isColumnPath(path: string): boolean {
  if (!path.startsWith(".")) return false;
  try {
    compileJsonPath(path);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

const SELECTABLE_RULE =
  "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";

/** Rules for fields that selectors may use: each must name a scalar of the schema. */
export function selectableFieldErrors(
  fields: readonly { jsonPath?: string }[],
  schema: JsonSchema | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (fields.length > MAX_SELECTABLE_FIELDS) errors.push(tooMany(path, fields.length, MAX_SELECTABLE_FIELDS));
  const seen = new Set<string>();
  for (const [index, { jsonPath = "" }] of fields.entries()) {
    const at = `${path}[${index}].jsonPath`;
    if (jsonPath === "") errors.push(required(at));
    else if (seen.has(jsonPath)) errors.push(duplicate(at, jsonPath));
    else errors.push(...selectableErrors(jsonPath, schema, at));
    seen.add(jsonPath);
  }
  return errors;
}

function selectableErrors(jsonPath: string, schema: JsonSchema | undefined, at: string): FieldError[] {
  if (!SIMPLE_PATH.test(jsonPath)) {
    return [invalid(at, jsonPath, "is an invalid path: must be a simple json path starting with .")];
  }
  const keys = jsonPath.slice(1).split(".");
  if (keys[0] === "metadata") return [invalid(at, jsonPath, "must not point to fields in metadata")];
  let target: JsonSchema | undefined = schema;
  for (const key of keys) {
    const properties: Record<string, JsonSchema> = target?.properties ?? {};
    target = Object.hasOwn(properties, key) ? properties[key] : undefined;
  }
  if (target === undefined) {
    return [invalid(at, jsonPath, "is an invalid path: does not refer to a valid field")];
  }
  const selectable = target.type === "string" || target.type === "boolean" || target.type === "integer";
  return selectable ? [] : [invalid(at, jsonPath, SELECTABLE_RULE)];
}
