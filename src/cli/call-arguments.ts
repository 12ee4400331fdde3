import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import type { TypedValue } from "./typed-value.ts";
import { UsageError } from "./usage-error.ts";

/** The arguments of a call. @throws {UsageError} naming line and column of what is not JSON, or what it is instead of an object. */
export function callArguments({ text, origin }: TypedValue): Record<string, unknown> {
  const value = parsed(text, origin);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  const kind = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  throw new UsageError(
    `${origin}: is ${kind}; write a JSON object of the tool's arguments, for example {"message": "hello"}`,
  );
}

function parsed(text: string, origin: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${origin}: is no JSON: ${firstProblem(text)}; write for example {"message": "hello"}`);
  }
}

/** Node's own message says where only sometimes. */
function firstProblem(text: string): string {
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true, allowEmptyContent: false });
  const [first] = errors;
  return first === undefined
    ? "a value that JSON does not know"
    : `${placeIn(text, first.offset)}: ${printParseErrorCode(first.error)}`;
}

/** `line 2, column 7`, both from 1. */
export function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
}
