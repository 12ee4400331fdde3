/** What waits for a moment. The position is the queue's own, so that an entry moves without a search. */
export interface Due {
  dueMs: number;
  /** Index in the queue; -1 outside it. */
  position: number;
}

/** A binary heap: the earliest first. Adding, moving and removing cost the logarithm of its size. */
export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest, which stays. */
  peek(): T | undefined {
    return this.#heap[0];
  }

  /** Adds an entry, or moves it. */
  set(entry: T, dueMs: number): void {
    entry.dueMs = dueMs;
    if (entry.position < 0) {
      entry.position = this.#heap.length;
      this.#heap.push(entry);
    }
    this.#settle(entry);
  }

  remove(entry: T): void {
    const { position } = entry;
    if (position < 0) return;
    entry.position = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#place(last, position);
    this.#settle(last);
  }

  #settle(entry: T): void {
    let { position } = entry;
    for (let parent = (position - 1) >> 1; position > 0; parent = (position - 1) >> 1) {
      const above = this.#heap[parent];
      if (above === undefined || above.dueMs <= entry.dueMs) break;
      this.#place(above, position);
      position = parent;
    }
    for (;;) {
      const left = this.#heap[2 * position + 1];
      const right = this.#heap[2 * position + 2];
      const below = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (below === undefined || below.dueMs >= entry.dueMs) break;
      const { position: free } = below;
      this.#place(below, position);
      position = free;
    }
    this.#place(entry, position);
  }

  #place(entry: T, position: number): void {
    this.#heap[position] = entry;
    entry.position = position;
  }
}
