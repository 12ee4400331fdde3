import { Reason } from "../api/v1alpha1/conditions.ts";
import { TerminalError } from "../machinery/errors.ts";

/** @throws {TerminalError} `InvalidSpec`, naming the field, where `parse` refuses the value with a RangeError. */
export function parseField<T, U>(field: string, value: T, parse: (value: T) => U): U {
  try {
    return parse(value);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TerminalError(Reason.InvalidSpec, `${field}: ${cause.message}`, { cause });
  }
}
