import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";
import { invalid } from "./field-errors.ts";
import { pathOf, type ValidationRun, type ValueValidator } from "./validation-run.ts";

/** `allOf`, `anyOf`, `oneOf` and `not`. Kubernetes reports them without a field, and adds the closest branch's errors. */
export function compileCombinations(
  { allOf, anyOf, oneOf, not }: JsonSchema,
  compile: (schema: JsonSchema) => ValueValidator,
): ValueValidator[] {
  const combinations: ValueValidator[] = [];
  if (allOf !== undefined) combinations.push(compileAllOf(allOf.map(compile)));
  if (anyOf !== undefined) combinations.push(compileAnyOf(anyOf.map(compile)));
  if (oneOf !== undefined) combinations.push(compileOneOf(oneOf.map(compile)));
  if (not !== undefined) combinations.push(compileNot(compile(not)));
  return combinations;
}

function fail(run: ValidationRun, because: string): void {
  run.errors.push(invalid("<nil>", "", `${JSON.stringify(pathOf(run))} must ${because}`));
}

interface Trial {
  readonly errors: FieldError[];
  readonly visits: number;
}

function attempt(validate: ValueValidator, value: unknown, run: ValidationRun, old: unknown): Trial {
  const errors: FieldError[] = [];
  const trial: ValidationRun = { path: run.path, errors, visits: 0, ratchet: run.ratchet?.inTrials };
  validate(value, trial, old);
  run.visits += trial.visits;
  return { errors, visits: trial.visits };
}

/** The trial that got furthest; of several the first. */
function closest(trials: readonly Trial[]): readonly FieldError[] {
  return trials.reduce((best, trial) => (trial.visits > best.visits ? trial : best)).errors;
}

function compileAllOf(branches: readonly ValueValidator[]): ValueValidator {
  return (value, run, old) => {
    const trials = branches.map((validate) => attempt(validate, value, run, old));
    if (trials.every(({ errors }) => errors.length === 0)) return;
    for (const { errors } of trials) run.errors.push(...errors);
    fail(run, "validate all the schemas (allOf)");
  };
}

function compileAnyOf(branches: readonly ValueValidator[]): ValueValidator {
  return (value, run, old) => {
    const trials: Trial[] = [];
    for (const validate of branches) {
      const trial = attempt(validate, value, run, old);
      if (trial.errors.length === 0) return;
      trials.push(trial);
    }
    fail(run, "validate at least one schema (anyOf)");
    run.errors.push(...closest(trials));
  };
}

function compileOneOf(branches: readonly ValueValidator[]): ValueValidator {
  return (value, run, old) => {
    const trials = branches.map((validate) => attempt(validate, value, run, old));
    const valid = trials.filter(({ errors }) => errors.length === 0).length;
    if (valid === 1) return;
    if (valid > 1) {
      fail(run, `validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
      return;
    }
    fail(run, "validate one and only one schema (oneOf). Found none valid");
    run.errors.push(...closest(trials));
  };
}

function compileNot(validate: ValueValidator): ValueValidator {
  return (value, run, old) => {
    if (attempt(validate, value, run, old).errors.length === 0) fail(run, "not validate the schema (not)");
  };
}
