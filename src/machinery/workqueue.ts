import { formatKey, type ObjectKey, parseKey } from "../api/meta.ts";
import { backoffMs } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";
import { DelayQueue } from "./delay-queue.ts";
import { FairQueue } from "./fair-queue.ts";
import { Fifo } from "./fifo.ts";

export interface WorkQueueOptions {
  readonly clock?: Clock;
  /** Delay after the first failure of a key; it doubles with each. Default 5 ms, as client-go. */
  readonly baseDelayMs?: number;
  /** Longest delay after a failure. Default 1000 s, as client-go. */
  readonly maxDelayMs?: number;
  readonly metrics?: WorkQueueMetrics;
}

/** Called synchronously; each may be a gauge, a counter or a histogram of its own. Names follow client-go's metrics. */
export interface WorkQueueMetrics {
  depth?(waiting: number): void;
  added?(): void;
  /** From the add to the start of the work. */
  latency?(ms: number): void;
  workDuration?(ms: number): void;
  retried?(): void;
  /** Called once, with what may be asked at any time. */
  attached?(queue: WorkQueueState): void;
}

/** What a queue is asked for rather than tells. */
export interface WorkQueueState {
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** Keys that wait for their time. */
  readonly delayed: number;
  /** How long the work under way has been going on, each piece of it. */
  runningMs(): number[];
}

interface Waiting {
  readonly id: string;
  readonly key: ObjectKey;
  readonly sinceMs: number;
}

/**
 * Keys that wait to be worked on, each at most once. A key is never handed out to two at a time: what is added while it
 * is worked on runs once more afterwards. Its size is bounded by the number of keys, which is that of the objects.
 */
export class WorkQueue implements WorkQueueState {
  readonly #clock: Clock;
  readonly #options: WorkQueueOptions;
  readonly #ready = new FairQueue<Waiting>();
  /** Everything that waits for a turn, or for the end of the work on it. */
  readonly #dirty = new Set<string>();
  /** When the work on a key began. */
  readonly #processing = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #delayed: DelayQueue;
  readonly #takers = new Fifo<(key: ObjectKey | undefined) => void>();
  readonly #drained = Promise.withResolvers<void>();
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#delayed = new DelayQueue(this.#clock, (id) => this.add(parseKey(id)));
    options.metrics?.attached?.(this);
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  runningMs(): number[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#processing.values()].map((sinceMs) => nowMs - sinceMs);
  }

  add(key: ObjectKey): void {
    const id = formatKey(key);
    if (this.#closed || this.#dirty.has(id)) return;
    this.#dirty.add(id);
    this.#options.metrics?.added?.();
    if (!this.#processing.has(id)) this.#push(id, key);
  }

  /** Adds the key after `delayMs`; of several delays the earliest counts. */
  addAfter(key: ObjectKey, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) this.add(key);
    else this.#delayed.add(formatKey(key), delayMs);
  }

  /** Adds the key after a failure: the delay doubles with each until `forget`. Answers it, in milliseconds. */
  addRateLimited(key: ObjectKey, atLeastMs = 0): number {
    const id = formatKey(key);
    const failures = this.#failures.get(id) ?? 0;
    const delayMs = Math.max(atLeastMs, backoffMs(failures, this.#options.baseDelayMs, this.#options.maxDelayMs));
    if (this.#closed) return delayMs;
    this.#failures.set(id, failures + 1);
    this.#options.metrics?.retried?.();
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** How often the key failed since it was last forgotten. */
  failures(key: ObjectKey): number {
    return this.#failures.get(formatKey(key)) ?? 0;
  }

  /** The next failure of the key is its first again. */
  forget(key: ObjectKey): void {
    this.#failures.delete(formatKey(key));
  }

  /**
   * The next key, which is the caller's until `done`; undefined once the queue is shut down. Its delayed add is taken
   * back: the work that begins says itself when the next is due.
   */
  take(): Promise<ObjectKey | undefined> {
    const { promise, resolve } = Promise.withResolvers<ObjectKey | undefined>();
    if (this.#closed) resolve(undefined);
    else this.#takers.push(resolve);
    this.#handOut();
    return promise;
  }

  /** Must follow each `take`. */
  done(key: ObjectKey): void {
    const id = formatKey(key);
    const sinceMs = this.#processing.get(id);
    if (sinceMs === undefined) throw new RangeError(`${id} is not worked on`);
    this.#processing.delete(id);
    this.#options.metrics?.workDuration?.(this.#clock.monotonicMs() - sinceMs);
    if (this.#closed) {
      if (this.#processing.size === 0) this.#drained.resolve();
    } else if (this.#dirty.has(id)) {
      this.#push(id, key);
    }
  }

  /**
   * Takes no more and gives out no more: what waits is found again by the lists of the next start. Resolves when what is
   * worked on is done.
   */
  shutDown(): Promise<void> {
    this.#closed = true;
    this.#delayed.clear();
    for (let taker = this.#takers.shift(); taker; taker = this.#takers.shift()) taker(undefined);
    if (this.#processing.size === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  #push(id: string, key: ObjectKey): void {
    this.#ready.push({ id, key, sinceMs: this.#clock.monotonicMs() });
    this.#options.metrics?.depth?.(this.#ready.size);
    this.#handOut();
  }

  #handOut(): void {
    if (this.#takers.size === 0 || this.#ready.size === 0) return;
    const next = this.#ready.shift();
    const taker = this.#takers.shift();
    if (!next || !taker) return;
    const nowMs = this.#clock.monotonicMs();
    this.#dirty.delete(next.id);
    this.#delayed.delete(next.id);
    this.#processing.set(next.id, nowMs);
    this.#options.metrics?.depth?.(this.#ready.size);
    this.#options.metrics?.latency?.(nowMs - next.sinceMs);
    taker(next.key);
  }
}
