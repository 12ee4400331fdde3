import type { ASTNode, Environment } from "@marcbachmann/cel-js";
import { MATCHES, PRESENT } from "./library-text.ts";

/** A compiled expression. Throws what cel-js throws when it fails while it runs. */
export interface Expression<Variables extends object = { self: unknown; oldSelf: unknown }> {
  readonly ast: ASTNode;
  /** The type of its result as cel-js names it: `bool`, `string`, `dyn`. */
  readonly type: string;
  run(variables: Variables): unknown;
}

/** @throws {Error} of cel-js when the text does not parse or the types do not fit. */
export function compileRuleExpression(environment: Environment, text: string): Expression {
  return compileExpression(environment, text);
}

/** The same for any variables, which must be those of the environment. */
export function compileExpression<Variables extends object>(
  environment: Environment,
  text: string,
): Expression<Variables> {
  const parsed = environment.parse(text);
  visitNodes(parsed.ast, replaceMatches);
  const { valid, type = "dyn", error } = parsed.check();
  if (!valid) throw error ?? new Error("the expression is not valid");
  checkPresenceTests(environment, text, parsed.ast);
  return { ast: parsed.ast, type, run: (variables) => parsed(variables) as unknown };
}

/** `matches` of cel-js runs on the JavaScript engine, which can take exponential time. */
function replaceMatches(node: ASTNode): void {
  if (node.op === "rcall" && node.args[0] === "matches") node.args[0] = MATCHES;
}

/**
 * `has` of cel-js takes any field; cel-go refuses one that the type does not have. So each `has` is checked once more as an
 * ordinary function, whose name is as long, so that places in the text stay.
 */
function checkPresenceTests(environment: Environment, text: string, ast: ASTNode): void {
  const tests = new Map<number, ASTNode>();
  visitNodes(ast, (node) => {
    const [argument] = node.op === "call" && node.args[0] === "has" ? node.args[1] : [];
    if (argument !== undefined && text.startsWith("has", node.range.start)) tests.set(node.range.start, argument);
  });
  if (tests.size === 0) return;
  let plain = text;
  for (const at of tests.keys()) plain = plain.slice(0, at) + PRESENT + plain.slice(at + PRESENT.length);
  const { error } = environment.parse(plain).check();
  if (error === undefined) return;
  for (const [at, { range }] of tests) {
    if (error.range?.end !== range.end) continue;
    // cel-go reports the parenthesis of the macro instead of the dot, and what is reported is one before the start.
    const { message, code, summary } = error;
    throw Object.assign(new Error(message), {
      code,
      summary,
      range: { start: text.indexOf("(", at) + 1, end: range.end },
    });
  }
  throw error;
}

/** Calls `visit` for a node and all nodes below it. */
export function visitNodes(node: ASTNode, visit: (node: ASTNode) => void): void {
  visit(node);
  for (const child of childrenOf(node)) visitNodes(child, visit);
}

/** The nodes right below a node. */
export function childrenOf(node: ASTNode): ASTNode[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "map":
      return node.args.flat();
    case "!_":
    case "-_":
      return [node.args];
    default:
      return node.args;
  }
}

export function usesOldSelf({ ast }: Expression): boolean {
  let found = false;
  visitNodes(ast, (node) => {
    if (node.op === "id" && node.args === "oldSelf") found = true;
  });
  return found;
}
