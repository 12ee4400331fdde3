import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";
import { compileRules } from "./cel/rule-set.ts";
import { applyDefaults } from "./defaulting.ts";
import { invalid } from "./field-errors.ts";
import { compileUniqueness } from "./list-uniqueness.ts";
import { prune } from "./pruning.ts";
import { ratchet, sharing } from "./ratchet.ts";
import { isObject, toSchemaNode } from "./schema-node.ts";
import type { Ratchet, ValidationRun } from "./validation-run.ts";
import { compileValueValidator, type ValueValidatorOptions } from "./value-validation.ts";

/** The schema of a kind, ready for many objects. Objects are whole ones, with apiVersion, kind and metadata. */
export interface CompiledSchema {
  /** Removes in place what the schema does not know; returns the paths, `spec.ports[0].x`, also within metadata. */
  prune(object: object): string[];
  /**
   * Fills in defaults in place, and removes nulls that the schema does not allow. `keepNulls` is for the result of a
   * server-side apply, where Kubernetes refuses such nulls instead.
   */
  applyDefaults(object: object, options?: { readonly keepNulls?: boolean }): void;
  /**
   * Everything that is wrong with the object. With `old`, an update: what did not change may stay as it is, and costs
   * nothing where both share it (`shareEqual`).
   */
  validate(object: object, old?: object, options?: ValidateOptions): FieldError[];
}

export interface ValidateOptions {
  /** `status`: values are checked below `status` only, as for writes of that subresource. Rules always see everything. */
  readonly subresource?: "status";
}

/** Errors that leave a value too broken for rules to make sense of it. */
const BLOCKING: ReadonlySet<FieldError["type"]> = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);
const RULES_SKIPPED =
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/** Compiles once; the result is used for every object of the kind. Expects a schema that `validateDefinition` accepts. */
export function compileSchema(schema: JsonSchema, options: ValueValidatorOptions = {}): CompiledSchema {
  const root = toSchemaNode(schema, true);
  const validateRoot = compileValueValidator(schema, options);
  const validateStatus = compileValueValidator(schema.properties?.status ?? {}, options);
  const checkUniqueness = compileUniqueness(root);
  const rules = compileRules(schema);

  function values(
    object: object,
    old: object | undefined,
    status: boolean,
    ratcheting: Ratchet | undefined,
  ): FieldError[] {
    const run: ValidationRun = { path: [], errors: [], visits: 0, ratchet: ratcheting };
    if (!status) {
      validateRoot(object, run, old);
      return run.errors;
    }
    const value = field(object, "status");
    if (value === undefined) return [];
    validateStatus(value, run, field(old, "status"));
    return run.errors.map((error) => below("status", error));
  }

  function duplicates(object: object, old: object | undefined): FieldError[] {
    const errors: FieldError[] = [];
    checkUniqueness?.(object, old, "", errors);
    return errors;
  }

  return {
    prune: (object) => prune(root, object),
    applyDefaults: (object, { keepNulls = false } = {}) => applyDefaults(root, object, keepNulls),
    validate(object, old, { subresource } = {}) {
      const status = subresource === "status";
      let errors = values(object, old, status, old && sharing);
      if (errors.length > 0 && old !== undefined) errors = values(object, old, status, ratchet);
      const repeated = duplicates(object, old);
      if (repeated.length > 0 && (old === undefined || duplicates(old, undefined).length === 0))
        errors.push(...repeated);
      if (rules === undefined) return errors;
      return errors.some(({ type }) => BLOCKING.has(type))
        ? [...errors, invalid("<nil>", null, RULES_SKIPPED)]
        : [...errors, ...rules.check(object, old)];
    },
  };
}

function field(object: unknown, key: string): unknown {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Kubernetes validates status by itself: the field is named from the root, the text within the message is not. */
function below(prefix: string, error: FieldError): FieldError {
  if (error.path === "<nil>") return error;
  return { ...error, path: error.path === "" ? prefix : `${prefix}.${error.path}` };
}
