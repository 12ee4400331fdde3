import type { Environment } from "@marcbachmann/cel-js";
import type { Duration } from "@marcbachmann/cel-js/evaluator";
import { type Declarations, declare } from "./declarations.ts";
import { goFloat } from "./go-float.ts";
import { compileExpression } from "./regular-expression.ts";

/** Stands in for `matches`, whose own version runs on the JavaScript engine; rules are rewritten to it. */
export const MATCHES = "matchesRe2";

/** Stands in for `has` where fields are checked, see expression.ts; as long as that name. */
export const PRESENT = "hs_";

function find(text: string, pattern: string): string {
  const matcher = compileExpression(pattern).matcher(text);
  return matcher.find() ? (matcher.group() ?? "") : "";
}

function findAll(text: string, pattern: string, limit = -1n): string[] {
  const matcher = compileExpression(pattern).matcher(text);
  const found: string[] = [];
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find()) found.push(matcher.group() ?? "");
  return found;
}

function replace(text: string, from: string, to: string, limit = -1n): string {
  let left = limit;
  return text.replaceAll(from, () => {
    if (left === 0n) return from;
    left -= 1n;
    return to;
  });
}

function charAt(text: string, index: bigint): string {
  const characters = [...text];
  if (index < 0n || index > BigInt(characters.length)) throw new Error(`index out of range: ${index}`);
  return characters[Number(index)] ?? "";
}

/** A value as `format` prints it with `%s`. */
function printed(value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  if (Array.isArray(value) || value instanceof Set) return `[${[...value].map(printed).join(", ")}]`;
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => `${printed(key)}: ${printed(item)}`).sort();
    return `{${entries.join(", ")}}`;
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (typeof value === "number") return goFloat(value);
  return value === null ? "null" : String(value);
}

const VERB = /%(?:%|(?:\.(\d+))?([sdfeboxX]))/g;

function format(template: string, values: readonly unknown[]): string {
  let next = 0;
  return template.replaceAll(VERB, (text, precision: string | undefined, verb: string | undefined) => {
    if (text === "%%") return "%";
    if (next >= values.length) throw new Error(`index ${next} out of range`);
    const value = values[next];
    next += 1;
    return formatted(value, verb as string, precision === undefined ? 6 : Number(precision));
  });
}

function formatted(value: unknown, verb: string, precision: number): string {
  switch (verb) {
    case "s":
      return printed(value);
    case "d":
      return String(value);
    case "f":
      return Number(value).toFixed(precision);
    case "e":
      return Number(value)
        .toExponential(precision)
        .replace(/e([+-])(\d)$/, "e$10$2");
    case "b":
      return typeof value === "boolean" ? (value ? "1" : "0") : BigInt(String(value)).toString(2);
    case "o":
      return BigInt(String(value)).toString(8);
    default: {
      const hex = typeof value === "bigint" ? value.toString(16) : Buffer.from(String(value)).toString("hex");
      return verb === "X" ? hex.toUpperCase() : hex;
    }
  }
}

const FUNCTIONS: Declarations = {
  [`string.${MATCHES}(string): bool`]: (text: string, pattern: string) => compileExpression(pattern).test(text),
  [`${PRESENT}(dyn): bool`]: () => true,
  "string.find(string): string": find,
  "string.findAll(string): list<string>": (text: string, pattern: string) => findAll(text, pattern),
  "string.findAll(string, int): list<string>": findAll,
  "string.replace(string, string): string": (text: string, from: string, to: string) => replace(text, from, to),
  "string.replace(string, string, int): string": replace,
  "string.charAt(int): string": charAt,
  "string.reverse(): string": (text: string) => [...text].reverse().join(""),
  "string.format(list<dyn>): string": format,
  "string(google.protobuf.Timestamp): string": printed,
  "string(google.protobuf.Duration): string": (value: Duration) => value.toString(),
  "duration(google.protobuf.Duration): google.protobuf.Duration": (value: Duration) => value,
  "timestamp(google.protobuf.Timestamp): google.protobuf.Timestamp": (value: Date) => value,
  "int(google.protobuf.Timestamp): int": (value: Date) => BigInt(Math.floor(value.getTime() / 1_000)),
};

/** The regex library of Kubernetes and the strings extension of CEL. */
export function registerText(environment: Environment): void {
  declare(environment, FUNCTIONS);
}
