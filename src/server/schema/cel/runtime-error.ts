interface CelFailure extends Error {
  readonly code?: string;
  readonly summary?: string;
}

/** cel-go's words for what cel-js reports while a rule runs, as far as they differ. */
const MESSAGES: Readonly<Record<string, string>> = {
  int_conversion_error: "type conversion error from 'string' to 'int'",
  uint_conversion_error: "type conversion error from 'string' to 'uint'",
  double_conversion_error: "type conversion error from 'string' to 'double'",
  bool_conversion_error: "type conversion error from 'string' to 'bool'",
  division_by_zero: "division by zero",
  modulo_by_zero: "modulus by zero",
  numeric_overflow: "integer overflow",
  optional_value_missing: "optional.none() dereference",
};
const OVERLOADS = new Set(["no_such_overload", "no_matching_overload"]);

/** The detail of the error for a rule that failed while it ran. `rule` is its message or its text. */
export function describeRuntimeError(error: unknown, rule: string): string {
  const { code = "", summary, message } = error as CelFailure;
  if (OVERLOADS.has(code)) {
    return `'no such overload': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`;
  }
  return `${MESSAGES[code] ?? textOf(code, summary ?? message)} evaluating rule: ${rule}`;
}

function textOf(code: string, summary: string): string {
  if (code === "no_such_key") return summary.replace(/^No such key/, "no such key");
  const index = code === "index_out_of_bounds" ? /index (-?\d+)/.exec(summary)?.[1] : undefined;
  return index === undefined ? summary : `index out of bounds: ${index}`;
}
