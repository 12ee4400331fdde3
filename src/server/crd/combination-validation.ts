import type { JsonSchema } from "../../api/json-schema.ts";
import { expressionError } from "../../cel/regular-expression.ts";
import type { FieldError } from "../resource.ts";
import { forbidden, invalid } from "../schema/field-errors.ts";

/** What a branch of `allOf`, `anyOf`, `oneOf` or `not` may not say: it restricts values, it does not shape them. */
const FORBIDDEN: ReadonlyMap<string, string> = new Map([
  ["type", "must be empty to be structural"],
  ["description", "must be empty to be structural"],
  ["title", "must be empty to be structural"],
  ["default", "must be undefined to be structural"],
  ["additionalProperties", "must be undefined to be structural"],
  ["nullable", "must be false to be structural"],
  ["x-kubernetes-preserve-unknown-fields", "must be false to be structural"],
  ["x-kubernetes-embedded-resource", "must be false to be structural"],
  ["x-kubernetes-int-or-string", "must be false to be structural"],
  ["x-kubernetes-list-type", "must be undefined to be structural"],
  ["x-kubernetes-list-map-keys", "must be empty to be structural"],
  ["x-kubernetes-map-type", "must be undefined to be structural"],
]);

/** The rules for the branches of a schema's combinations. */
export function combinationErrors(schema: JsonSchema, path: string): FieldError[] {
  const isIntOrString = schema["x-kubernetes-int-or-string"] === true;
  const errors: FieldError[] = [];
  for (const [keyword, branches] of combinationsOf(schema)) {
    // The one exception: anyOf with the two types, which older tools write beside int-or-string.
    if (keyword === "anyOf" && isIntOrString && isTypePair(branches)) continue;
    for (const [index, branch] of branches.entries()) {
      if (keyword === "allOf" && index === 0 && isIntOrString && isTypePair(branch.anyOf ?? [])) continue;
      errors.push(...branchErrors(branch, keyword === "not" ? `${path}.not` : `${path}.${keyword}[${index}]`));
    }
  }
  return errors;
}

function combinationsOf({ allOf, anyOf, oneOf, not }: JsonSchema): [string, readonly JsonSchema[]][] {
  return [
    ["allOf", allOf ?? []],
    ["anyOf", anyOf ?? []],
    ["oneOf", oneOf ?? []],
    ["not", not === undefined ? [] : [not]],
  ];
}

function isTypePair(branches: readonly JsonSchema[]): boolean {
  const [first, second] = branches;
  return (
    branches.length === 2 &&
    first?.type === "integer" &&
    second?.type === "string" &&
    branches.every((branch) => Object.keys(branch).length === 1)
  );
}

function branchErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const keyword of Object.keys(schema)) {
    const because = FORBIDDEN.get(keyword);
    const value = schema[keyword as keyof JsonSchema];
    if (because !== undefined && value !== false && value !== "") errors.push(forbidden(`${path}.${keyword}`, because));
  }
  const patternError = schema.pattern === undefined ? undefined : expressionError(schema.pattern);
  if (patternError !== undefined) {
    const because = `must be a valid regular expression, but isn't: ${patternError}`;
    errors.push(invalid(`${path}.pattern`, schema.pattern, because));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...branchErrors(property, `${path}.properties[${name}]`));
  }
  if (schema.items !== undefined) errors.push(...branchErrors(schema.items, `${path}.items`));
  for (const [keyword, branches] of combinationsOf(schema)) {
    for (const [index, branch] of branches.entries()) {
      errors.push(...branchErrors(branch, keyword === "not" ? `${path}.not` : `${path}.${keyword}[${index}]`));
    }
  }
  return errors;
}
