import type { Environment } from "@marcbachmann/cel-js";
import { jsonEqual } from "../machinery/json-equal.ts";
import { type Declarations, declare } from "./declarations.ts";

type Items = Iterable<unknown>;
type Comparable = bigint | number | string | boolean;

function sum<T extends bigint | number>(zero: T): (items: Iterable<T>) => T {
  return (items) => {
    let total = zero;
    for (const item of items) total = ((total as number) + (item as number)) as T;
    return total;
  };
}

function extreme(
  name: string,
  wins: (a: Comparable, b: Comparable) => boolean,
): (items: Iterable<Comparable>) => Comparable {
  return (items) => {
    let best: Comparable | undefined;
    for (const item of items) if (best === undefined || wins(item, best)) best = item;
    if (best === undefined) throw new Error(`${name} called on empty list`);
    return best;
  };
}

function isSorted(items: Iterable<Comparable>): boolean {
  const list = [...items];
  return list.every((item, index) => index === 0 || (list[index - 1] as Comparable) <= item);
}

function sameValue(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && jsonEqual(a, b));
}

function contains(items: Items, value: unknown): boolean {
  for (const item of items) if (sameValue(item, value)) return true;
  return false;
}

function isSubset(part: Items, whole: Items): boolean {
  for (const item of part) if (!contains(whole, item)) return false;
  return true;
}

class SetsNamespace {}

const FUNCTIONS: Declarations = {
  "list<int>.sum(): int": sum(0n),
  "list<double>.sum(): double": sum(0),
  "list<A>.min(): A": extreme("min", (a, b) => a < b),
  "list<A>.max(): A": extreme("max", (a, b) => a > b),
  "list<A>.isSorted(): bool": isSorted,
  "list<A>.indexOf(A): int": (items: Items, value: unknown) =>
    BigInt([...items].findIndex((item) => sameValue(item, value))),
  "list<A>.lastIndexOf(A): int": (items: Items, value: unknown) =>
    BigInt([...items].findLastIndex((item) => sameValue(item, value))),
  "list<A>.distinct(): list<A>": (items: Items) => {
    const list = [...items];
    return list.filter((item, index) => list.findIndex((other) => sameValue(other, item)) === index);
  },
  "list<A>.reverse(): list<A>": (items: Items) => [...items].reverse(),
  "list<A>.slice(int, int): list<A>": (items: Items, from: bigint, to: bigint) => {
    const list = [...items];
    if (from < 0n || to < from || to > BigInt(list.length)) throw new Error(`cannot slice(${from}, ${to})`);
    return list.slice(Number(from), Number(to));
  },
  "SetsNamespace.contains(list<A>, list<A>): bool": (_: SetsNamespace, whole: Items, part: Items) =>
    isSubset(part, whole),
  "SetsNamespace.equivalent(list<A>, list<A>): bool": (_: SetsNamespace, a: Items, b: Items) =>
    isSubset(a, b) && isSubset(b, a),
  "SetsNamespace.intersects(list<A>, list<A>): bool": (_: SetsNamespace, a: Items, b: Items) =>
    [...a].some((item) => contains(b, item)),
};

/** The list library of Kubernetes and the sets extension of CEL. */
export function registerLists(environment: Environment): void {
  environment.registerType("SetsNamespace", SetsNamespace);
  environment.registerConstant("sets", "SetsNamespace", new SetsNamespace());
  declare(environment, FUNCTIONS);
}
