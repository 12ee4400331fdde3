import type { JsonSchema } from "../../api/json-schema.ts";
import { required, typeInvalid } from "./field-errors.ts";
import { formats } from "./formats.ts";
import { isInt64 } from "./go-format.ts";
import { isObject } from "./schema-node.ts";
import { pathOf, type ValidationRun, type ValueValidator } from "./validation-run.ts";
import { compileCombinations } from "./value-combinations.ts";
import { compileConstraints, compileEnum } from "./value-constraints.ts";

export interface ValueValidatorOptions {
  /** A kind that Kubernetes has as types of Go, which take a list for nothing but a list. */
  readonly isTyped?: boolean;
}

type Compile = (schema: JsonSchema) => ValueValidator;

/** Compiles the checks of values: types, bounds, formats, required fields, and how schemas are combined. */
export function compileValueValidator(schema: JsonSchema, options: ValueValidatorOptions = {}): ValueValidator {
  const compile: Compile = (part) => compileValueValidator(part, options);
  const checkType = compileType(schema, options);
  const checkEnum = compileEnum(schema);
  const constraints = compileConstraints(schema);
  const combinations = compileCombinations(schema, compile);
  const checkFields = compileFields(schema, compile);
  const checkItems = schema.items === undefined ? undefined : compileItems(schema, compile(schema.items));
  return (value, run, old) => {
    if (run.ratchet !== undefined && old !== undefined && run.ratchet.equal(old, value)) return;
    run.visits += 1;
    const accepted = checkType(value, run);
    checkEnum?.(value, run);
    if (value === null) return;
    for (const constraint of constraints) constraint(value, run);
    for (const combination of combinations) combination(value, run, old);
    if (!accepted) return;
    if (checkFields !== undefined && isObject(value)) checkFields(value, run, old);
    else if (checkItems !== undefined && Array.isArray(value)) checkItems(value, run, old);
  };
}

type FieldsValidator = (object: Record<string, unknown>, run: ValidationRun, old: unknown) => void;

function compileFields(schema: JsonSchema, compile: Compile): FieldsValidator | undefined {
  const { properties, additionalProperties, required: requiredKeys = [] } = schema;
  const embedded = schema["x-kubernetes-embedded-resource"] === true ? ["apiVersion", "kind"] : [];
  const needed = [...new Set([...requiredKeys, ...embedded])];
  const validators = new Map(
    Object.entries(properties ?? {}).map(([key, property]) => [key, { validate: compile(property), step: `.${key}` }]),
  );
  const others = typeof additionalProperties === "object" ? compile(additionalProperties) : undefined;
  if (validators.size === 0 && others === undefined && needed.length === 0) return undefined;
  return (object, run, old) => {
    for (const key of needed) {
      if (!Object.hasOwn(object, key)) run.errors.push(required(child(run, `.${key}`)));
    }
    for (const key of Object.keys(object)) {
      const known = validators.get(key);
      const validate = known?.validate ?? others;
      if (validate === undefined) continue;
      run.path.push(known?.step ?? `.${key}`);
      validate(object[key], run, run.ratchet?.enter(old, object, schema, key));
      run.path.pop();
    }
  };
}

function child(run: ValidationRun, step: string): string {
  run.path.push(step);
  const path = pathOf(run);
  run.path.pop();
  return path;
}

function compileItems(
  schema: JsonSchema,
  validate: ValueValidator,
): (list: unknown[], run: ValidationRun, old: unknown) => void {
  return (list, run, old) => {
    for (let index = 0; index < list.length; index += 1) {
      run.path.push(`[${index}]`);
      validate(list[index], run, run.ratchet?.enter(old, list, schema, index));
      run.path.pop();
    }
  };
}

/**
 * Answers whether the value has the type. A format takes part, as in kube-openapi's typeValidator: a value that is neither text
 * nor list must have the format, and a list passes for any text that has one.
 */
function compileType(
  schema: JsonSchema,
  { isTyped = false }: ValueValidatorOptions,
): (value: unknown, run: ValidationRun) => boolean {
  const types: string[] = schema["x-kubernetes-int-or-string"] === true ? ["integer", "string"] : [schema.type ?? ""];
  const [only = ""] = types;
  const { nullable = false } = schema;
  const format = knownFormat(schema);
  if (only === "") return () => true;
  const isNumeric = only === "integer" || only === "number";
  return (value, run) => {
    if (value === null) return nullable || refuse(run, types.join(","), "null");
    const type = typeOf(value);
    if (types.includes(type) || (type === "integer" && only === "number")) return true;
    if (format !== "" && !(isTyped && type === "array")) {
      const isTextOrList = type === "string" || type === "array";
      if (!isTextOrList) return refuse(run, format, NUMBER_FORMATS[type] ?? "");
      if (!isNumeric) return true;
    }
    return refuse(run, types.join(","), type);
  };
}

/** How Kubernetes holds numbers. */
const NUMBER_FORMATS: Readonly<Record<string, string>> = { integer: "int64", number: "float64" };
const FORMATS_OF: Readonly<Record<string, ReadonlySet<string>>> = {
  integer: new Set(["int32", "int64"]),
  number: new Set(["float", "double"]),
};

/** Empty for one that Kubernetes does not know for the type. */
function knownFormat({ type = "string", format = "" }: JsonSchema): string {
  const known = type === "string" ? formats : FORMATS_OF[type];
  return known?.has(format) ? format : "";
}

function refuse(run: ValidationRun, expected: string, actual: string): false {
  const path = pathOf(run);
  run.errors.push(typeInvalid(path, actual, `${path} in body must be of type ${expected}: ${JSON.stringify(actual)}`));
  return false;
}

/** The JSON Schema type of a value. Numbers that Kubernetes would hold as float64 are `number`. */
function typeOf(value: unknown): string {
  if (typeof value === "number") return isInt64(value) ? "integer" : "number";
  if (Array.isArray(value)) return "array";
  return typeof value;
}
