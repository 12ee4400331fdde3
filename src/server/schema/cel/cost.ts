import type { ASTNode } from "@marcbachmann/cel-js";
import { type CelType, maxSizeOf } from "./cel-type.ts";

/**
 * The most that an expression can cost, in the units of cel-go: about one for each step. Sizes come from the schema, so a
 * list without maxItems counts as long as a request can carry.
 * @see https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
 */
export function maxCost(ast: ASTNode, self: CelType): number {
  const variables = new Map<string, Estimate>([
    ["self", { cost: 1, size: maxSizeOf(self), type: self }],
    ["oldSelf", { cost: 1, size: maxSizeOf(self), type: self }],
  ]);
  return estimate(ast, variables).cost;
}

interface Estimate {
  readonly cost: number;
  /** Characters, items or entries; infinite where nothing bounds it. */
  readonly size: number;
  readonly type: CelType | undefined;
}

type Variables = ReadonlyMap<string, Estimate>;

/** Reading a text costs a tenth for each character, a pattern a quarter. */
const TRAVERSAL = 0.1;
const PATTERN = 0.25;
const LIST_COST = 10;
const MAP_COST = 30;
/** What a macro adds to each round: its condition and its accumulator. */
const ROUND_COST = 3;

const LITERAL: Estimate = { cost: 0, size: 1, type: undefined };

function estimate(node: ASTNode, variables: Variables): Estimate {
  switch (node.op) {
    case "value":
      return { ...LITERAL, size: typeof node.args === "string" ? node.args.length : 1 };
    case "id":
      return variables.get(node.args) ?? { ...LITERAL, cost: 1 };
    case ".":
    case ".?":
      return select(estimate(node.args[0], variables), node.args[1]);
    case "[]":
    case "[?]":
      return index(estimate(node.args[0], variables), estimate(node.args[1], variables));
    case "call":
      return call(
        node.args[0],
        node.args[1].map((argument) => estimate(argument, variables)),
      );
    case "rcall":
      return method(node.args, variables);
    case "list":
      return literal(LIST_COST, node.args, variables);
    case "map":
      return literal(MAP_COST, node.args.flat(), variables);
    case "?:":
      return choice(node.args, variables);
    case "||":
    case "&&":
      return { ...LITERAL, cost: sum(node.args.map((operand) => estimate(operand, variables))) };
    case "!_":
    case "-_":
      return { ...LITERAL, cost: estimate(node.args, variables).cost + 1 };
    default:
      return operator(node.op, estimate(node.args[0], variables), estimate(node.args[1], variables));
  }
}

function sum(estimates: readonly Estimate[]): number {
  return estimates.reduce((total, { cost }) => total + cost, 0);
}

function typed(cost: number, type: CelType | undefined): Estimate {
  return { cost, type, size: maxSizeOf(type) };
}

function select(target: Estimate, name: string): Estimate {
  const { type } = target;
  if (type?.kind === "object") return typed(target.cost + 1, type.fields.get(name)?.type);
  return typed(target.cost + 1, type?.kind === "map" ? type.values : undefined);
}

function index(target: Estimate, key: Estimate): Estimate {
  const cost = target.cost + key.cost + 1;
  const { type } = target;
  return typed(cost, type?.kind === "list" ? type.items : type?.kind === "map" ? type.values : undefined);
}

function literal(base: number, parts: readonly ASTNode[], variables: Variables): Estimate {
  const estimates = parts.map((part) => estimate(part, variables));
  return { cost: base + sum(estimates), size: parts.length, type: undefined };
}

function choice([condition, yes, no]: readonly [ASTNode, ASTNode, ASTNode], variables: Variables): Estimate {
  const [a, b] = [estimate(yes, variables), estimate(no, variables)];
  return {
    cost: estimate(condition, variables).cost + Math.max(a.cost, b.cost),
    size: Math.max(a.size, b.size),
    type: a.type ?? b.type,
  };
}

function isScalar({ type }: Estimate): boolean {
  return type === undefined || ["bool", "int", "double", "dyn", "timestamp", "duration"].includes(type.kind);
}

function operator(op: string, left: Estimate, right: Estimate): Estimate {
  const cost = left.cost + right.cost;
  if (op === "in") return { ...LITERAL, cost: cost + (right.type?.kind === "map" ? 1 : right.size) };
  if (op === "+") {
    const size = left.size + right.size;
    const isText = !isScalar(left) || !isScalar(right) || size > 2;
    return { cost: cost + (isText ? Math.ceil(size * TRAVERSAL) : 1), size: isText ? size : 1, type: left.type };
  }
  const compared = Math.min(left.size, right.size);
  const comparison = ["==", "!=", "<", "<=", ">", ">="].includes(op) ? Math.ceil(compared * TRAVERSAL) : 1;
  return { ...LITERAL, cost: cost + Math.max(1, comparison) };
}

/** Functions that read their text once; what they return is no longer than it. */
const READERS = new Set([
  "bytes",
  "duration",
  "timestamp",
  "int",
  "uint",
  "double",
  "isQuantity",
  "quantity",
  "isURL",
  "url",
  "isIP",
  "ip",
  "isCIDR",
  "cidr",
  "isSemver",
  "semver",
]);

function call(name: string, args: readonly Estimate[]): Estimate {
  const cost = sum(args);
  const [first] = args;
  if (name === "has") return { ...LITERAL, cost };
  if (name === "dyn" && first !== undefined) return first;
  if (READERS.has(name)) return { ...LITERAL, cost: cost + 1 + Math.ceil((first?.size ?? 1) * TRAVERSAL) };
  // The length of a number's text is not known.
  if (name === "string") return { cost: cost + 1, size: textSize(first), type: undefined };
  return { ...LITERAL, cost: cost + 1 };
}

function textSize(value: Estimate | undefined): number {
  return value?.type?.kind === "string" || value?.type?.kind === "bytes" ? value.size : Number.POSITIVE_INFINITY;
}

const QUANTIFIERS = new Set(["all", "exists", "exists_one"]);

function method(
  [name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]],
  variables: Variables,
): Estimate {
  const isMacro = QUANTIFIERS.has(name) || name === "map" || name === "filter";
  if (isMacro && args[0]?.op === "id") return macro(name, estimate(receiver, variables), args, variables);
  if (name === "bind" && receiver.op === "id" && receiver.args === "cel") return bind(args, variables);
  const target = estimate(receiver, variables);
  const operands = args.map((argument) => estimate(argument, variables));
  return textMethod(name, target, operands) ?? listMethod(name, target, operands);
}

/** `cel.bind(name, value, expression)`. */
function bind([name, value, expression]: readonly ASTNode[], variables: Variables): Estimate {
  if (name?.op !== "id" || value === undefined || expression === undefined) return LITERAL;
  const bound = estimate(value, variables);
  const result = estimate(expression, new Map(variables).set(name.args, { ...bound, cost: 1 }));
  return { ...result, cost: bound.cost + result.cost };
}

function macro(name: string, range: Estimate, args: readonly ASTNode[], variables: Variables): Estimate {
  const [variable, ...steps] = args;
  const { type } = range;
  const item = type?.kind === "list" ? typed(1, type.items) : { ...LITERAL, cost: 1 };
  const inner = new Map(variables).set(variable?.op === "id" ? variable.args : "", item);
  const estimates = steps.map((step) => estimate(step, inner));
  const rounds = type === undefined || type.kind === "list" || type.kind === "map" ? range.size : 1;
  const build = QUANTIFIERS.has(name) ? 0 : LIST_COST + 1;
  const cost = range.cost + 1 + rounds * (ROUND_COST + build + sum(estimates));
  if (QUANTIFIERS.has(name)) return { ...LITERAL, cost };
  if (name === "filter") return { cost, size: range.size, type: type?.kind === "map" ? undefined : type };
  return { cost, size: range.size, type: listOf(estimates.at(-1)?.type, range.size) };
}

function listOf(items: CelType | undefined, maxSize: number): CelType | undefined {
  return items === undefined ? undefined : { kind: "list", items, maxSize, isSet: false };
}

function textMethod(name: string, target: Estimate, args: readonly Estimate[]): Estimate | undefined {
  const cost = target.cost + sum(args);
  const [first] = args;
  const argumentSize = first?.size ?? 1;
  switch (name) {
    case "matches":
    case "matchesRe2":
    case "find":
    case "findAll":
      return {
        cost: cost + Math.ceil((target.size + 1) * TRAVERSAL) * Math.ceil(argumentSize * PATTERN),
        size: target.size,
        type: undefined,
      };
    case "contains":
      return { ...LITERAL, cost: cost + Math.ceil(target.size * TRAVERSAL) * Math.ceil(argumentSize * TRAVERSAL) };
    case "startsWith":
    case "endsWith":
      return { ...LITERAL, cost: cost + Math.max(1, Math.ceil(argumentSize * TRAVERSAL)) };
    case "split":
    case "lowerAscii":
    case "upperAscii":
    case "trim":
    case "substring":
    case "reverse":
      return { cost: cost + 1 + Math.ceil(target.size * TRAVERSAL), size: target.size, type: undefined };
    case "replace":
      return {
        cost: cost + 1 + Math.ceil(target.size * TRAVERSAL),
        size: target.size * Math.max(1, args[1]?.size ?? 1),
        type: undefined,
      };
    case "join":
      return { cost: cost + 1 + Math.ceil(joinedSize(target) * TRAVERSAL), size: joinedSize(target), type: undefined };
    default:
      return undefined;
  }
}

function joinedSize({ size, type }: Estimate): number {
  return type?.kind === "list" ? size * (maxSizeOf(type.items) + 1) : size;
}

const LIST_READERS = new Set(["sum", "min", "max", "isSorted", "indexOf", "lastIndexOf", "distinct"]);

function listMethod(name: string, target: Estimate, args: readonly Estimate[]): Estimate {
  const cost = target.cost + sum(args);
  if (name === "orValue" || name === "value") return { ...target, cost: cost + 1 };
  if (!LIST_READERS.has(name)) return { ...LITERAL, cost: cost + 1 };
  const items = target.type?.kind === "list" ? target.type.items : undefined;
  return { ...typed(cost + 1 + target.size, items) };
}
