/** A map that holds at most `capacity` entries: the least recently used one makes room. */
export class BoundedCache<K, V> {
  readonly #capacity: number;
  /** A Map iterates in order of insertion, so its first key is the one that was used longest ago. */
  readonly #entries = new Map<K, V>();

  constructor(capacity: number) {
    if (capacity < 1) throw new RangeError(`capacity: ${capacity}`);
    this.#capacity = capacity;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}
