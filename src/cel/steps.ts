import type { ASTNode } from "@marcbachmann/cel-js";
import { type Extent, entriesOf, extentOf, lengthOf, partOf, rangeOf, SCALAR, TRAVERSAL } from "./extent.ts";
import { methodEstimate } from "./method-steps.ts";

/** What computing a value takes at most, and how large the value can be. */
export interface Estimate extends Extent {
  readonly steps: number;
}

/**
 * The most steps that an expression can take with variables so large: about as many as cel-go counts. cel-js does not count
 * while it runs. Not a number where it is beyond counting.
 */
export function maxSteps(ast: ASTNode, variables: Readonly<Record<string, Extent>>): number {
  return estimate(ast, new Map(Object.entries(variables))).steps;
}

type Variables = ReadonlyMap<string, Extent>;

function estimate(node: ASTNode, variables: Variables): Estimate {
  const of = (part: ASTNode) => estimate(part, variables);
  switch (node.op) {
    case "value":
      return { ...extentOf([node.args]), steps: 1 };
    case "id":
      return { ...(variables.get(node.args) ?? SCALAR), steps: 1 };
    case ".":
    case ".?":
      return part(of(node.args[0]), node.args[1]);
    case "[]":
    case "[?]":
      return index(of(node.args[0]), of(node.args[1]), node.args[1]);
    case "list":
      return together(node.args.map(of));
    case "map":
      return together(node.args.flat().map(of));
    case "call":
      return call(node.args[0], node.args[1].map(of));
    case "rcall":
      return method(node.args, variables);
    case "?:":
      return either(node.args.map(of));
    case "||":
    case "&&":
      return { ...SCALAR, steps: 1 + sum(node.args.map(of), ({ steps }) => steps) };
    case "!_":
    case "-_":
      return { ...SCALAR, steps: 1 + of(node.args).steps };
    default:
      return operator(node.op, of(node.args[0]), of(node.args[1]));
  }
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0);
}

function part(whole: Estimate, name: string): Estimate {
  return { ...partOf(whole, name), steps: whole.steps + 1 };
}

function index(whole: Estimate, key: Estimate, node: ASTNode): Estimate {
  const name = node.op === "value" && typeof node.args === "string" ? node.args : undefined;
  return { ...partOf(whole, name), steps: whole.steps + key.steps + 1 };
}

/** A list or a map of these. */
function together(parts: readonly Estimate[]): Estimate {
  return {
    steps: 1 + parts.length + sum(parts, ({ steps }) => steps),
    items: Math.max(parts.length, ...parts.map(({ items }) => items)),
    text: Math.max(0, ...parts.map(({ text }) => text)),
    weight: 1 + sum(parts, ({ weight }) => weight),
  };
}

function either(parts: readonly Estimate[]): Estimate {
  const { items, text, weight } = together(parts);
  return { items, text, weight, steps: 1 + sum(parts, ({ steps }) => steps) };
}

/** Concatenation makes what is as large as both; whatever else reads as much as the smaller, and `in` all of the right. */
function operator(op: string, left: Estimate, right: Estimate): Estimate {
  const steps = left.steps + right.steps + 1;
  if (op === "in") return { ...SCALAR, steps: steps + right.weight };
  if (op !== "+") return { ...SCALAR, steps: steps + Math.min(left.weight, right.weight) };
  return {
    steps: steps + left.weight + right.weight,
    items: left.items + right.items,
    text: left.text + right.text,
    weight: left.weight + right.weight,
  };
}

/** Functions whose regular expressions go over a text more than once. */
const POWERS: Readonly<Record<string, number>> = { duration: 3, url: 2, isURL: 2, semver: 2, isSemver: 2 };

function call(name: string, args: readonly Estimate[]): Estimate {
  const steps = 1 + sum(args, (argument) => argument.steps);
  const { items, text, weight } = together(args);
  const [first] = args;
  if (name === "has" || name === "type") return { ...SCALAR, steps };
  if (name === "dyn" && first) return first;
  const power = Object.hasOwn(POWERS, name) ? (POWERS[name] ?? 1) : 1;
  const length = first ? lengthOf(first) : 0;
  return { steps: steps + weight + (length * TRAVERSAL) ** power, items, text: Math.max(text, SCALAR.text), weight };
}

type MethodParts = readonly [name: string, receiver: ASTNode, args: readonly ASTNode[]];

const MACROS = new Set(["all", "exists", "exists_one", "map", "filter"]);

function method([name, receiver, args]: MethodParts, variables: Variables): Estimate {
  if (receiver.op === "id" && receiver.args === "cel" && name === "bind") return bind(args, variables);
  const target = estimate(receiver, variables);
  const [variable, ...bodies] = args;
  if (variable?.op === "id" && bodies.length > 0 && MACROS.has(name))
    return macro(name, target, { variable: variable.args, bodies, variables });
  const operands = args.map((argument) => estimate(argument, variables));
  const isNamespace = receiver.op === "id" && !variables.has(receiver.args);
  return methodEstimate({ name, target, operands, namespace: isNamespace ? receiver.args : undefined, args });
}

/** `cel.bind(name, value, expression)`. */
function bind([name, value, body]: readonly ASTNode[], variables: Variables): Estimate {
  if (name?.op !== "id" || !value || !body) return { ...SCALAR, steps: 1 };
  const bound = estimate(value, variables);
  const result = estimate(body, new Map(variables).set(name.args, bound));
  return { ...result, steps: 1 + bound.steps + result.steps };
}

interface Macro {
  readonly variable: string;
  readonly bodies: readonly ASTNode[];
  readonly variables: Variables;
}

/** A variable and an accumulator are set in each round. */
const ROUND = 3;

function macro(name: string, range: Estimate, { variable, bodies, variables }: Macro): Estimate {
  const rounds = entriesOf(range);
  const item = rangeOf(range);
  const inner = new Map(variables).set(variable, item);
  const results = bodies.map((body) => estimate(body, inner));
  const steps = 1 + range.steps + rounds * (ROUND + sum(results, (result) => result.steps));
  if (name === "filter") return { steps, items: range.items, text: range.text, weight: range.weight };
  const made = results.at(-1);
  if (name !== "map" || !made) return { ...SCALAR, steps };
  return { steps, items: Math.max(rounds, made.items), text: made.text, weight: 1 + rounds * made.weight };
}
