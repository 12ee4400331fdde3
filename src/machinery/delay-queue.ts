import type { Clock } from "./clock.ts";

/** The longest that a timer of Node can wait; what is due later is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Entry {
  readonly key: string;
  dueMs: number;
}

/**
 * Keys that become due one day, each at most once. A binary heap and a single timer for its head: ten thousand delayed
 * keys cost no ten thousand timers, and taking one back leaves nothing behind.
 */
export class DelayQueue {
  readonly #clock: Clock;
  readonly #onDue: (key: string) => void;
  readonly #heap: Entry[] = [];
  readonly #positions = new Map<string, number>();
  #timer: { readonly dueMs: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, onDue: (key: string) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Of several delays of one key the earliest counts. */
  add(key: string, delayMs: number): void {
    const dueMs = this.#clock.monotonicMs() + delayMs;
    const at = this.#positions.get(key);
    const entry = at === undefined ? undefined : this.#heap[at];
    if (at !== undefined && entry) {
      if (entry.dueMs <= dueMs) return;
      entry.dueMs = dueMs;
      this.#rise(at, entry);
    } else {
      const added = { key, dueMs };
      this.#heap.push(added);
      this.#rise(this.#heap.length - 1, added);
    }
    this.#arm();
  }

  delete(key: string): void {
    const at = this.#positions.get(key);
    if (at === undefined) return;
    this.#positions.delete(key);
    const last = this.#heap.pop();
    if (last && at < this.#heap.length) {
      this.#sink(at, last);
      this.#rise(this.#positions.get(last.key) ?? at, last);
    }
    this.#arm();
  }

  clear(): void {
    this.#heap.length = 0;
    this.#positions.clear();
    this.#arm();
  }

  /** Keeps one timer, for the head. It is left alone where it fires too early: that costs one look. */
  #arm(): void {
    const head = this.#heap[0];
    if (!head) {
      this.#timer?.cancel();
      this.#timer = undefined;
    } else if (!this.#timer || this.#timer.dueMs > head.dueMs) {
      this.#timer?.cancel();
      const waitMs = Math.min(MAX_TIMER_MS, Math.max(0, head.dueMs - this.#clock.monotonicMs()));
      this.#timer = { dueMs: head.dueMs, cancel: this.#clock.schedule(Math.ceil(waitMs), () => this.#fire()) };
    }
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let head = this.#heap[0]; head && head.dueMs <= nowMs; head = this.#heap[0]) {
      this.delete(head.key);
      this.#onDue(head.key);
    }
    this.#arm();
  }

  /** Moves `entry`, which belongs at `at` or above, up to its place. */
  #rise(start: number, entry: Entry): void {
    let at = start;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#heap[parentAt];
      if (!parent || parent.dueMs <= entry.dueMs) break;
      this.#place(at, parent);
      at = parentAt;
    }
    this.#place(at, entry);
  }

  /** Moves `entry`, which belongs at `at` or below, down to its place. */
  #sink(start: number, entry: Entry): void {
    let at = start;
    while (true) {
      const childAt = this.#earlierChild(at);
      const child = this.#heap[childAt];
      if (!child || child.dueMs >= entry.dueMs) break;
      this.#place(at, child);
      at = childAt;
    }
    this.#place(at, entry);
  }

  #earlierChild(at: number): number {
    const left = 2 * at + 1;
    const [a, b] = [this.#heap[left], this.#heap[left + 1]];
    return a && b && b.dueMs < a.dueMs ? left + 1 : left;
  }

  #place(at: number, entry: Entry): void {
    this.#heap[at] = entry;
    this.#positions.set(entry.key, at);
  }
}
