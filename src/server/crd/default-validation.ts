import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";
import { compileRules } from "../schema/cel/rule-set.ts";
import { invalid } from "../schema/field-errors.ts";
import { prune } from "../schema/pruning.ts";
import { toSchemaNode } from "../schema/schema-node.ts";
import type { ValidationRun } from "../schema/validation-run.ts";
import { compileValueValidator } from "../schema/value-validation.ts";

/**
 * A default must itself be a valid value of its schema, by the schema's rules too, without fields that would be pruned, and
 * before defaults below it are filled in.
 */
export function defaultErrors(schema: JsonSchema, path: string): FieldError[] {
  if (schema.default === undefined || schema.default === null) return [];
  const at = `${path}.default`;
  if (prune(toSchemaNode(schema), structuredClone(schema.default)).length > 0) {
    return [invalid(at, schema.default, "must not have unknown fields")];
  }
  const run: ValidationRun = { path: [], errors: [], visits: 0, ratchet: undefined };
  compileValueValidator(schema)(schema.default, run, undefined);
  const errors = run.errors.length > 0 ? run.errors : brokenRules(schema, schema.default);
  return errors.map((error) => ({ ...error, path: below(at, error.path) }));
}

/** Asked as for a new value, and, where nothing is wrong with that, as for one that stays what it was. */
function brokenRules(schema: JsonSchema, value: unknown): FieldError[] {
  const rules = compileRules(schema, { isResource: false });
  if (rules === undefined) return [];
  const errors = rules.check(value, undefined);
  return errors.length > 0 ? errors : rules.check(value, value);
}

function below(at: string, path: string): string {
  if (path === "" || path === "<nil>") return at;
  return path.startsWith("[") ? `${at}${path}` : `${at}.${path}`;
}
