import type { StoredObject } from "./store.ts";

/** The objects of one resource in the order of their keys, which is the order of every list. */
export class SortedObjects {
  readonly #byKey = new Map<string, StoredObject>();
  /** Kept sorted by binary insertion: moving a few hundred kB of pointers is cheaper than sorting at each list. */
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): StoredObject | undefined {
    return this.#byKey.get(key);
  }

  set(object: StoredObject): void {
    if (!this.#byKey.has(object.key)) this.#keys.splice(this.#position(object.key), 0, object.key);
    this.#byKey.set(object.key, object);
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#keys.splice(this.#position(key), 1);
  }

  /** All objects, or those of one namespace. */
  list(namespace?: string): StoredObject[] {
    if (namespace === undefined) return this.#slice(0, this.#keys.length);
    // "0" follows "/" in the order of code units.
    return this.#slice(this.#position(`${namespace}/`), this.#position(`${namespace}0`));
  }

  #slice(from: number, to: number): StoredObject[] {
    const objects: StoredObject[] = [];
    for (let at = from; at < to; at++) {
      const object = this.#byKey.get(this.#keys[at] as string);
      if (object) objects.push(object);
    }
    return objects;
  }

  /** Index of the first key that is not before `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    // Most creates append.
    if (high > 0 && (this.#keys[high - 1] as string) < key) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
