import { isObject } from "../schema/schema-node.ts";

export interface MergeOrder {
  /** All items of the result, in any order. */
  readonly merged: readonly unknown[];
  /** Items, or maps with only the key, in the order that the patch wants. */
  readonly order: readonly unknown[];
  /** The list as it was. */
  readonly live: readonly unknown[];
  /** What identifies items; undefined for scalars. */
  readonly key: string | undefined;
}

/**
 * Sorts a merged list: items that the patch orders keep that order, the others keep the order of the live list, and the two
 * are interleaved so that an item stays before those that it preceded.
 */
export function mergeOrder({ merged, order, live, key }: MergeOrder): unknown[] {
  const identity = (item: unknown): unknown => (key !== undefined && isObject(item) ? item[key] : item);
  const position = (list: readonly unknown[]) => {
    const positions = new Map<unknown, number>();
    for (const [index, item] of list.entries())
      if (!positions.has(identity(item))) positions.set(identity(item), index);
    return (item: unknown) => positions.get(identity(item));
  };
  const inPatch = position(order);
  const inLive = position(live);
  const byPatch = merged.filter((item) => inPatch(item) !== undefined);
  byPatch.sort((a, b) => (inPatch(a) as number) - (inPatch(b) as number));
  const others = merged.filter((item) => inPatch(item) === undefined);
  others.sort((a, b) => (inLive(a) ?? merged.length) - (inLive(b) ?? merged.length));
  const result: unknown[] = [];
  let next = 0;
  for (const item of byPatch) {
    const limit = inLive(item);
    for (; next < others.length; next += 1) {
      const own = inLive(others[next]);
      if (limit === undefined || own === undefined || own >= limit) break;
      result.push(others[next]);
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}
