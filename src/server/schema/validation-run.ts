import type { JsonSchema } from "../../api/json-schema.ts";
import type { FieldError } from "../resource.ts";

/** Where validation is, and what it found. One per call; the path is a stack. */
export interface ValidationRun {
  readonly path: string[];
  readonly errors: FieldError[];
  /** Counts the schemas that were looked at; picks the closest branch of `anyOf` and `oneOf`. */
  visits: number;
  /** On updates: skips what the old object has as well. */
  readonly ratchet: Ratchet | undefined;
}

/** Finds what a part of the new object was in the old one. */
export interface Ratchet {
  /** Enters a field or item; undefined where the old object has no counterpart. */
  enter(old: unknown, value: unknown, schema: JsonSchema, key: string | number): unknown;
  equal(old: unknown, value: unknown): boolean;
  /** What branches of `anyOf`, `oneOf` and `not` are tried with, where a skipped error may decide which of them holds. */
  readonly inTrials: Ratchet | undefined;
}

/** `old` is the counterpart in the old object; only looked at while ratcheting. */
export type ValueValidator = (value: unknown, run: ValidationRun, old: unknown) => void;

/** The path as messages write it: `spec.ports[0].name`. */
export function pathOf({ path }: ValidationRun): string {
  return path.join("").replace(/^\./, "");
}
