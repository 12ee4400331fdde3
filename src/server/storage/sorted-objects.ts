import type { StoredObject } from "./store.ts";

/** The objects of one resource in the order of their keys, which is the order of every list. */
export class SortedObjects {
  readonly #byKey = new Map<string, StoredObject>();
  /** Kept sorted by binary insertion: moving a few hundred kB of pointers is cheaper than sorting at each list. */
  readonly #sorted: StoredObject[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  get(key: string): StoredObject | undefined {
    return this.#byKey.get(key);
  }

  set(object: StoredObject): void {
    const at = positionOf(this.#sorted, object.key);
    this.#sorted.splice(at, this.#byKey.has(object.key) ? 1 : 0, object);
    this.#byKey.set(object.key, object);
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#sorted.splice(positionOf(this.#sorted, key), 1);
  }

  /** All objects, or those of one namespace. */
  list(namespace?: string): StoredObject[] {
    if (namespace === undefined) return this.#sorted.slice();
    // "0" follows "/" in the order of code units.
    return this.#sorted.slice(positionOf(this.#sorted, `${namespace}/`), positionOf(this.#sorted, `${namespace}0`));
  }
}

/** Index of the first of `sorted` objects, from index `from` on, whose key is not before `key`. */
export function positionOf(sorted: readonly StoredObject[], key: string, from = 0): number {
  let low = from;
  let high = sorted.length;
  // Most creates append.
  if (high > low && (sorted[high - 1] as StoredObject).key < key) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as StoredObject).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `sorted` with other objects under some keys; an undefined one means none. Takes time for what is replaced, and a copy. */
export function replaced(
  sorted: readonly StoredObject[],
  replacements: ReadonlyMap<string, StoredObject | undefined>,
): StoredObject[] {
  const result: StoredObject[] = [];
  let from = 0;
  // Default order is that of code units, as everywhere here.
  for (const key of [...replacements.keys()].sort()) {
    const at = positionOf(sorted, key, from);
    while (from < at) result.push(sorted[from++] as StoredObject);
    const replacement = replacements.get(key);
    if (replacement) result.push(replacement);
    if (sorted[at]?.key === key) from = at + 1;
  }
  while (from < sorted.length) result.push(sorted[from++] as StoredObject);
  return result;
}
