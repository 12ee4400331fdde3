import type { JsonSchema } from "../../api/json-schema.ts";
import { patternMatcher } from "../../cel/regular-expression.ts";
import { invalid, notSupported, tooLong, tooMany, typeInvalid } from "./field-errors.ts";
import { formats } from "./formats.ts";
import { goFloat, goJson, goValue, isInt64 } from "./go-format.ts";
import { isObject } from "./schema-node.ts";
import { pathOf, type ValidationRun } from "./validation-run.ts";

/** A check of one value by itself; what it does not apply to passes. `value` is null for those of `compileEnum` alone. */
export type Constraint = (value: unknown, run: ValidationRun) => void;

/** The constraints of one schema, none of those below it, but for its enum. */
export function compileConstraints(schema: JsonSchema): Constraint[] {
  return [...compileText(schema), ...compileNumber(schema), ...compileSize(schema)];
}

function fail(run: ValidationRun, value: unknown, because: string): void {
  const path = pathOf(run);
  run.errors.push(invalid(path, value, `${path} in body ${because}`));
}

/** Null is none of the values, though the schema names it: kube-openapi passes over that one (validate/validator.go). */
export function compileEnum(schema: JsonSchema): Constraint | undefined {
  if (schema.enum === undefined || schema.enum.length === 0) return undefined;
  const allowed = new Set(schema.enum.map((value) => goJson(value)));
  const texts = schema.enum.map((value) => (typeof value === "string" ? value : goJson(value)));
  return (value, run) => {
    if (value === null || !allowed.has(goJson(value))) run.errors.push(notSupported(pathOf(run), value, texts));
  };
}

function compileText({ minLength, maxLength, pattern, format, type }: JsonSchema): Constraint[] {
  const constraints: Constraint[] = [];
  if (minLength !== undefined || maxLength !== undefined || pattern !== undefined) {
    const matches = pattern === undefined ? undefined : patternMatcher(pattern);
    constraints.push((value, run) => {
      if (typeof value !== "string") return;
      if (maxLength !== undefined && exceeds(value, maxLength)) run.errors.push(tooLong(pathOf(run), maxLength));
      else if (minLength !== undefined && !reaches(value, minLength)) {
        fail(run, value, `should be at least ${minLength} chars long`);
      } else if (matches !== undefined && !matches(value)) fail(run, value, `should match '${pattern}'`);
    });
  }
  const isWellFormed = type === undefined || type === "string" ? formats.get(format ?? "") : undefined;
  if (isWellFormed !== undefined) {
    constraints.push((value, run) => {
      if (typeof value !== "string" || isWellFormed(value)) return;
      const path = pathOf(run);
      const because = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`;
      run.errors.push(typeInvalid(path, value, because));
    });
  }
  return constraints;
}

/** Schemas count characters, which are at most as many as UTF-16 units. */
function exceeds(text: string, limit: number): boolean {
  return text.length > limit && [...text].length > limit;
}

function reaches(text: string, limit: number): boolean {
  return text.length >= limit && (text.length >= 2 * limit || [...text].length >= limit);
}

function compileNumber(schema: JsonSchema): Constraint[] {
  const {
    type,
    format = "",
    minimum,
    maximum,
    multipleOf,
    exclusiveMinimum = false,
    exclusiveMaximum = false,
  } = schema;
  const constraints: Constraint[] = [];
  if (type === "integer") {
    const kind = format === "" ? "(default format)" : `with format ${format}`;
    constraints.push((value, run) => {
      if (typeof value !== "number" || (isInt64(value) && (format !== "int32" || Math.trunc(value) === (value | 0))))
        return;
      const because = `Checked value must be of type integer ${kind} in ${pathOf(run)}`;
      run.errors.push(invalid("<nil>", "", because));
    });
  }
  if (multipleOf !== undefined) {
    constraints.push((value, run) => {
      if (typeof value !== "number" || isMultiple(value, multipleOf)) return;
      fail(run, value, `should be a multiple of ${goFloat(multipleOf)}`);
    });
  }
  if (maximum !== undefined) {
    const words = exclusiveMaximum ? "less than" : "less than or equal to";
    constraints.push((value, run) => {
      if (typeof value !== "number") return;
      const bound = boundFor(value, maximum);
      if (exclusiveMaximum ? value >= bound : value > bound)
        fail(run, value, `should be ${words} ${printed(value, bound)}`);
    });
  }
  if (minimum !== undefined) {
    const words = exclusiveMinimum ? "greater than" : "greater than or equal to";
    constraints.push((value, run) => {
      if (typeof value !== "number") return;
      const bound = boundFor(value, minimum);
      if (exclusiveMinimum ? value <= bound : value < bound)
        fail(run, value, `should be ${words} ${printed(value, bound)}`);
    });
  }
  return constraints;
}

/** kube-openapi holds an integer against the bound's whole part (validate/values.go). */
function boundFor(value: number, bound: number): number {
  return isInt64(value) ? Math.trunc(bound) : bound;
}

const printed = (value: number, bound: number): string => (isInt64(value) ? goValue(bound) : goFloat(bound));

function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 && Math.abs(quotient) < 2 ** 53;
}

function compileSize({ minItems, maxItems, minProperties, maxProperties, uniqueItems }: JsonSchema): Constraint[] {
  const constraints: Constraint[] = [];
  if (minItems !== undefined || maxItems !== undefined) {
    constraints.push((value, run) => {
      if (Array.isArray(value)) checkCount(run, value.length, { min: minItems, max: maxItems, what: "items" });
    });
  }
  if (minProperties !== undefined || maxProperties !== undefined) {
    constraints.push((value, run) => {
      if (!isObject(value)) return;
      const count = Object.keys(value).length;
      checkCount(run, count, { min: minProperties, max: maxProperties, what: "properties" });
    });
  }
  if (uniqueItems === true) {
    constraints.push((value, run) => {
      if (!Array.isArray(value) || new Set(value.map(goJson)).size === value.length) return;
      fail(run, "", "shouldn't contain duplicates");
    });
  }
  return constraints;
}

interface CountBounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly what: string;
}

function checkCount(run: ValidationRun, count: number, { min, max, what }: CountBounds): void {
  if (min !== undefined && count < min) fail(run, count, `should have at least ${min} ${what}`);
  if (max !== undefined && count > max) run.errors.push(tooMany(pathOf(run), count, max));
}
