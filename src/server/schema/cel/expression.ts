import type { ASTNode, Environment } from "@marcbachmann/cel-js";
import { MATCHES } from "./library-text.ts";

/** A compiled expression. Throws what cel-js throws when it fails while it runs. */
export interface Expression {
  readonly ast: ASTNode;
  /** The type of its result as cel-js names it: `bool`, `string`, `dyn`. */
  readonly type: string;
  run(variables: { self: unknown; oldSelf: unknown }): unknown;
}

/** @throws {Error} of cel-js when the text does not parse or the types do not fit. */
export function compileRuleExpression(environment: Environment, text: string): Expression {
  const parsed = environment.parse(text);
  visitNodes(parsed.ast, replaceMatches);
  const { valid, type = "dyn", error } = parsed.check();
  if (!valid) throw error ?? new Error("the expression is not valid");
  return { ast: parsed.ast, type, run: (variables) => parsed(variables) as unknown };
}

/** `matches` of cel-js runs on the JavaScript engine, which can take exponential time. */
function replaceMatches(node: ASTNode): void {
  if (node.op === "rcall" && node.args[0] === "matches") node.args[0] = MATCHES;
}

/** Calls `visit` for a node and all nodes below it. */
export function visitNodes(node: ASTNode, visit: (node: ASTNode) => void): void {
  visit(node);
  for (const child of childrenOf(node)) visitNodes(child, visit);
}

function childrenOf(node: ASTNode): ASTNode[] {
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
