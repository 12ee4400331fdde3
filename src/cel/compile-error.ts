import type { ASTNode } from "@marcbachmann/cel-js";

/** What cel-js's errors carry. */
interface CelFailure extends Error {
  readonly code?: string;
  readonly summary?: string;
  readonly range?: { readonly start: number; readonly end: number };
  readonly node?: unknown;
}

const EXPECTED =
  "expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/** A parse or type error of a rule in the words and the layout of cel-go, which CRD authors know. */
export function describeCompileError(error: unknown, rule: string): string {
  const failure = error as CelFailure;
  const { message, at } = translate(failure, rule);
  const before = rule.slice(0, at);
  const line = before.split("\n").length;
  const column = at - (before.lastIndexOf("\n") + 1);
  const text = rule.split("\n")[line - 1] ?? "";
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${".".repeat(column)}^`;
}

function translate(
  { code, summary = "", range, node, message }: CelFailure,
  rule: string,
): { message: string; at: number } {
  const start = range?.start ?? 0;
  switch (code) {
    case "unexpected_token":
    case "expected_token":
      if (start >= rule.length) return { message: `Syntax error: mismatched input '<EOF>' ${EXPECTED}`, at: start };
      return { message: `Syntax error: ${summary}`, at: start };
    case "unexpected_character":
    case "parse_error":
      return { message: `Syntax error: ${summary}`, at: start };
    case "unknown_variable":
      return { message: `undeclared reference to '${afterColon(summary)}' (in container '')`, at: start };
    case "no_such_key":
      return { message: `undefined field '${afterColon(summary)}'`, at: Math.max(0, start - 1) };
    case "no_such_overload":
      return overload(summary, start, node as ASTNode | undefined, rule);
    default:
      return { message: summary || message, at: start };
  }
}

function afterColon(text: string): string {
  return text.slice(text.indexOf(":") + 1).trim();
}

const BINARY = /^no such overload: (.+) (==|!=|<=|>=|<|>|\+|-|\*|\/|%|in) (.+)$/;

function overload(
  summary: string,
  start: number,
  node: ASTNode | undefined,
  rule: string,
): { message: string; at: number } {
  const match = BINARY.exec(summary);
  if (match === null) return { message: summary, at: start };
  const [, left, operator = "", right] = match;
  const name = operator === "in" ? "@in" : `_${operator}_`;
  const first = node !== undefined && Array.isArray(node.args) ? (node.args[0] as ASTNode) : undefined;
  const at = rule.indexOf(operator, first?.range.end ?? start);
  return { message: `found no matching overload for '${name}' applied to '(${left}, ${right})'`, at: Math.max(at, 0) };
}
