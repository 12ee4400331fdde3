import type { ASTNode } from "@marcbachmann/cel-js";
import { type Extent, entriesOf, lengthOf, SCALAR, TRAVERSAL } from "./extent.ts";

interface Estimated extends Extent {
  readonly steps: number;
}

export interface MethodCall {
  readonly name: string;
  readonly target: Estimated;
  readonly operands: readonly Estimated[];
  /** `sets` in `sets.contains(a, b)`. */
  readonly namespace: string | undefined;
  /** The operands as they are written. */
  readonly args: readonly ASTNode[];
}

/** What a method takes at most, and how large its result can be. One that is not named here reads all once, and copies it. */
export function methodEstimate(call: MethodCall): Estimated {
  const { target, operands } = call;
  const steps = 1 + target.steps + operands.reduce((total, operand) => total + operand.steps, 0);
  const { own, ...result } = effect(call);
  return { ...result, steps: steps + own };
}

type Effect = Extent & { readonly own: number };

const SCALARS = new Set(["size", "startsWith", "endsWith", "compareTo", "isGreaterThan", "isLessThan", "hasValue"]);
const SEARCHES = new Set(["contains", "indexOf", "lastIndexOf"]);
const PATTERNS = new Set(["matches", "matchesRe2", "find", "findAll"]);

function effect({ name, target, operands, namespace, args }: MethodCall): Effect {
  const [first, second] = operands;
  const length = lengthOf(target);
  const argument = first ? lengthOf(first) : 0;
  const weights = target.weight + operands.reduce((total, { weight }) => total + weight, 0);
  // Each item of one is looked for in the other.
  if (namespace === "sets") return { ...SCALAR, own: (first?.weight ?? 1) * (second?.weight ?? 1) };
  if (name === "distinct") return { ...without(target), own: target.weight ** 2 };
  if (SEARCHES.has(name)) return { ...SCALAR, own: weights + length * TRAVERSAL * Math.max(1, argument * TRAVERSAL) };
  if (SCALARS.has(name)) return { ...SCALAR, own: weights };
  if (PATTERNS.has(name)) return pattern(length, argument, args[0]);
  switch (name) {
    case "split":
      return { own: 1 + length, items: length + 1, text: length, weight: 2 * (length + 1) };
    case "join": {
      // All items together are no longer than their weight says.
      const items = Math.min(entriesOf(target) * target.text, target.weight / TRAVERSAL);
      const text = items + entriesOf(target) * argument;
      return { own: target.weight + text * TRAVERSAL, items: 0, text, weight: 1 + text * TRAVERSAL };
    }
    case "replace": {
      const text = (length + 1) * (1 + (second ? lengthOf(second) : 0));
      return { own: (length + text) * TRAVERSAL, items: 0, text, weight: 1 + text * TRAVERSAL };
    }
    case "format": {
      const text = (length + 1) * (LONGEST_NUMBER + weights / TRAVERSAL);
      return { own: text * TRAVERSAL, items: 0, text, weight: 1 + text * TRAVERSAL };
    }
    default:
      return {
        own: weights,
        items: target.items + operands.reduce((total, { items }) => total + items, 0) + length,
        text: 2 * (target.text + operands.reduce((total, { text }) => total + text, 0)) + SCALAR.text,
        weight: 2 * weights,
      };
  }
}

/** Digits that `format` gives a number at most. */
const LONGEST_NUMBER = 400;

/** An expression that is not written down may repeat as often as RE2 lets it. */
const MOST_REPEATS = 1000;
/** A quarter of a step for each character of an expression, as cel-go counts. */
const PATTERN = 0.25;

function pattern(length: number, expression: number, node: ASTNode | undefined): Effect {
  const written = node?.op === "value" && typeof node.args === "string" ? node.args : undefined;
  const repeats = written === undefined ? MOST_REPEATS : repeatsOf(written);
  const own = (length + 1) * Math.max(1, expression * PATTERN * repeats) * TRAVERSAL;
  return { own: 1 + own, items: length + 1, text: length, weight: length + 1 };
}

function repeatsOf(expression: string): number {
  const counts = expression.match(/\d+(?=,?\d*\})/g) ?? [];
  return Math.min(
    MOST_REPEATS,
    counts.reduce((product, count) => product * Math.max(1, Number(count)), 1),
  );
}

function without({ items, text, weight }: Extent): Extent {
  return { items, text, weight };
}
