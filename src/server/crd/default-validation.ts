import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";
import { invalid } from "../schema/field-errors.ts";
import { prune } from "../schema/pruning.ts";
import { toSchemaNode } from "../schema/schema-node.ts";
import type { ValidationRun } from "../schema/validation-run.ts";
import { compileValueValidator } from "../schema/value-validation.ts";

/** A default must itself be a valid value of its schema, without fields that would be pruned. */
export function defaultErrors(schema: JsonSchema, path: string): FieldError[] {
  if (schema.default === undefined || schema.default === null) return [];
  const at = `${path}.default`;
  if (prune(toSchemaNode(schema), structuredClone(schema.default)).length > 0) {
    return [invalid(at, schema.default, "must not have unknown fields")];
  }
  const run: ValidationRun = { path: [], errors: [], visits: 0, ratchet: undefined };
  compileValueValidator(schema)(schema.default, run, undefined);
  return run.errors.map((error) => ({ ...error, path: error.path === "" ? at : `${at}.${error.path}` }));
}
