import { isJsonObject } from "../../../../src/machinery/json-equal.ts";
import { ApiError, type Problem } from "../http/api-error.ts";

export type JsonObject = Record<string, unknown>;

/** A value that breaks a rule. `name` is the member's path, as `run_env_variables[0].name`. */
export class FieldError extends Error {
  override readonly name = "FieldError";
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Reads one member of a body. @throws {FieldError} when the value breaks its rule. */
export type Field<T> = (value: unknown, name: string) => T;

export type Values<F extends Readonly<Record<string, Field<unknown>>>> = { [K in keyof F]: ReturnType<F[K]> };

export interface ReadOptions {
  /** Refuse members that nobody knows, which the real service ignores. */
  readonly strict?: boolean;
  /** Known members that these fields do not read. */
  readonly others?: readonly string[];
}

/** Reads all members, and reports every one that is wrong. @throws {ApiError} 400 */
export function readFields<F extends Readonly<Record<string, Field<unknown>>>>(
  fields: F,
  body: JsonObject,
  { strict = false, others = [] }: ReadOptions = {},
): Values<F> {
  const problems: Problem[] = [];
  const values: JsonObject = {};
  for (const [name, field] of Object.entries(fields)) {
    try {
      values[name] = field(body[name], name);
    } catch (error) {
      problems.push(problemOf(error));
    }
  }
  if (strict) {
    const known = new Set([...Object.keys(fields), ...others]);
    for (const name of Object.keys(body).filter((member) => !known.has(member))) {
      problems.push(problemOf(new FieldError(name, `${name}: no such member.`)));
    }
  }
  if (problems.length > 0) throw new ApiError(400, problems);
  return values as Values<F>;
}

function problemOf(error: unknown): Problem {
  if (!(error instanceof FieldError)) throw error;
  return { code: "invalid_request", message: error.message, target: { type: "field", name: error.field } };
}

/** Runs checks that concern several members. @throws {ApiError} 400 */
export function checkAll(...checks: readonly (() => void)[]): void {
  const problems = checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      return [problemOf(error)];
    }
  });
  if (problems.length > 0) throw new ApiError(400, problems);
}

/** A member that must be there. */
export function required<T>(field: Field<T>): Field<T> {
  return (value, name) => {
    if (value === undefined || value === null) throw new FieldError(name, `${name} is required.`);
    return field(value, name);
  };
}

/** A member that may be absent; null means the same. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return (value, name) => (value === undefined || value === null ? undefined : field(value, name));
}

export function withDefault<T>(field: Field<T>, fallback: T): Field<T> {
  return (value, name) => (value === undefined || value === null ? fallback : field(value, name));
}

export interface TextRule {
  readonly min?: number;
  readonly max: number;
  /** Says whether a text of the right length is right. */
  readonly matches?: (text: string) => boolean;
  /** What `matches` wants, for people. */
  readonly wants?: string;
}

export function text({ min = 0, max, matches, wants = "a different value" }: TextRule): Field<string> {
  return (value, name) => {
    if (typeof value !== "string") throw new FieldError(name, `${name} must be a string.`);
    if (value.length < min || value.length > max) {
      throw new FieldError(name, `${name} must have ${min} to ${max} characters.`);
    }
    if (matches && !matches(value)) throw new FieldError(name, `${name} must be ${wants}.`);
    return value;
  };
}

export function integer(min: number, max: number): Field<number> {
  return (value, name) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      throw new FieldError(name, `${name} must be an integer from ${min} to ${max}.`);
    }
    return value;
  };
}

export const flag: Field<boolean> = (value, name) => {
  if (typeof value !== "boolean") throw new FieldError(name, `${name} must be true or false.`);
  return value;
};

export function oneOf<const T extends string>(...values: readonly T[]): Field<T> {
  return (value, name) => {
    if (!values.some((known) => known === value)) throw new FieldError(name, `${name} must be ${values.join(", ")}.`);
    return value as T;
  };
}

export function list<T>(item: Field<T>, max = 100): Field<readonly T[]> {
  return (value, name) => {
    if (!Array.isArray(value)) throw new FieldError(name, `${name} must be an array.`);
    if (value.length > max) throw new FieldError(name, `${name} must have at most ${max} entries.`);
    return value.map((entry: unknown, index) => item(entry, `${name}[${index}]`));
  };
}

export function object<T>(read: (members: JsonObject, name: string) => T): Field<T> {
  return (value, name) => {
    if (!isJsonObject(value)) throw new FieldError(name, `${name} must be an object.`);
    return read(value, name);
  };
}
