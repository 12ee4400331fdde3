import { ApiUnreachable } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Fifo } from "./fifo.ts";
import { TokenBucket } from "./token-bucket.ts";

/** How many requests are made of an API server. */
export interface RequestLimits {
  /** Per second, in the long run. */
  readonly qps: number;
  /** At once, after a pause. At least 1. */
  readonly burst: number;
}

/** What waits apart from the rest: questions, which somebody waits for; changes; events, which nobody waits for. */
export type Lane = "question" | "change" | "event";

interface Waiting {
  readonly start: () => void;
  /** It has begun, or waits no longer. */
  isOver: boolean;
}

/** More is refused at once: it would hold memory, and be answered too late for whoever asked. */
const MAX_WAITING = 4_096;

/**
 * Lets requests pass within a budget. Where they have to wait, the lanes take turns: thousands of changes delay a question
 * by one of them, and the other way round.
 */
export class RequestPace {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #refillMs: number;
  readonly #lanes: Readonly<Record<Lane, Fifo<Waiting>>> = {
    question: new Fifo(),
    change: new Fifo(),
    event: new Fifo(),
  };
  /** In the order of their turns. */
  readonly #turns: Lane[] = ["question", "change", "event"];
  #waiting = 0;
  #ticking = false;

  constructor({ qps, burst }: RequestLimits, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#refillMs = 1_000 / qps;
    this.#bucket = new TokenBucket(burst, this.#refillMs, clock.monotonicMs());
  }

  /**
   * Resolves when the request may be sent. Answers how long it waited, in milliseconds.
   * @throws {ApiUnreachable} when too many wait, and the reason of `signal` when that comes first.
   */
  async pass(lane: Lane, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const sinceMs = this.#clock.monotonicMs();
    if (this.#waiting === 0 && this.#bucket.take(sinceMs)) return 0;
    if (this.#waiting >= MAX_WAITING) {
      throw new ApiUnreachable(`${MAX_WAITING} requests wait already for their turn within --kube-api-qps`);
    }
    await this.#wait(lane, signal);
    return this.#clock.monotonicMs() - sinceMs;
  }

  async #wait(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { start: resolve, isOver: false };
    this.#lanes[lane].push(waiting);
    this.#waiting += 1;
    this.#tick();
    const leave = () => {
      if (waiting.isOver) return;
      // Its place in the queue is passed over when its turn comes.
      waiting.isOver = true;
      this.#waiting -= 1;
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  /** Starts what the budget allows, and looks again when it allows one more. */
  #tick(): void {
    if (this.#ticking) return;
    while (this.#waiting > 0 && this.#bucket.take(this.#clock.monotonicMs())) this.#next()?.start();
    if (this.#waiting === 0) return;
    this.#ticking = true;
    this.#clock.schedule(this.#refillMs, () => {
      this.#ticking = false;
      this.#tick();
    });
  }

  /** The first of the lane whose turn it is. */
  #next(): Waiting | undefined {
    for (const lane of [...this.#turns]) {
      this.#turns.push(...this.#turns.splice(0, 1));
      for (let first = this.#lanes[lane].shift(); first; first = this.#lanes[lane].shift()) {
        if (first.isOver) continue;
        first.isOver = true;
        this.#waiting -= 1;
        return first;
      }
    }
    return undefined;
  }
}
