import type { Clock } from "./clock.ts";
import { CodeEngineError } from "./errors.ts";

/** How much of the service one project may take. IBM publishes no limit, so these are modest. */
export interface BudgetLimits {
  readonly concurrent: number;
  readonly perSecond: number;
  /** Calls at once after a quiet time. */
  readonly burst: number;
  /** What polling leaves to others of the burst. */
  readonly reserve: number;
  /** Calls that wait; one more is refused. */
  readonly queue: number;
}

export const DEFAULT_BUDGET: BudgetLimits = { concurrent: 5, perSecond: 10, burst: 30, reserve: 10, queue: 500 };

export interface Admission {
  readonly operation: string;
  readonly signal: AbortSignal;
  /** Somebody looks whether something changed: refused rather than queued when there is little left. */
  readonly poll: boolean;
}

interface Waiter {
  readonly admit: () => void;
}

/**
 * Calls go out in the order in which they were asked for, so many at once and so many a second. A poll never waits and
 * never delays others.
 */
export class CallBudget {
  readonly #limits: BudgetLimits;
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  #tokens: number;
  #countedAtMs: number;
  #running = 0;
  #pausedUntilMs = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, limits: BudgetLimits = DEFAULT_BUDGET) {
    this.#limits = limits;
    this.#clock = clock;
    this.#tokens = limits.burst;
    this.#countedAtMs = clock.monotonicMs();
  }

  /**
   * Waits for a place and answers how to give it back.
   * @throws {CodeEngineError} of kind throttled when a poll comes at a bad time, or too many wait already.
   * @throws the reason of `signal`.
   */
  async admit({ operation, signal, poll }: Admission): Promise<() => void> {
    signal.throwIfAborted();
    this.#refill();
    if (poll) {
      if (this.#waiting.length > 0 || !this.#hasRoom(1 + this.#limits.reserve))
        throw refused(operation, "polling would use up the budget of calls for this project", this.#quietMs());
      return this.#take();
    }
    if (this.#waiting.length >= this.#limits.queue)
      throw refused(operation, `${this.#limits.queue} calls wait already for this project`, this.#quietMs());
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiter: Waiter = { admit: () => resolve(this.#take()) };
    const onAbort = (): void => {
      const at = this.#waiting.indexOf(waiter);
      if (at >= 0) this.#waiting.splice(at, 1);
      reject(signal.reason);
      this.#serve();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting.push(waiter);
    this.#serve();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Nobody is admitted for so long: the service asked for it. */
  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock.monotonicMs() + ms);
  }

  #serve(): void {
    this.#refill();
    while (this.#waiting.length > 0 && this.#hasRoom(1)) this.#waiting.shift()?.admit();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    // Where only a place is missing, whoever gives one back serves the next.
    if (this.#waiting.length === 0 || this.#running >= this.#limits.concurrent) return;
    this.#cancelTimer = this.#clock.schedule(this.#waitMs(1), () => this.#serve());
  }

  #hasRoom(tokens: number): boolean {
    const { concurrent } = this.#limits;
    return this.#running < concurrent && this.#tokens >= tokens && this.#clock.monotonicMs() >= this.#pausedUntilMs;
  }

  #take(): () => void {
    this.#tokens -= 1;
    this.#running += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#running -= 1;
      this.#serve();
    };
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs();
    const { burst, perSecond } = this.#limits;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#countedAtMs) * perSecond) / 1000);
    this.#countedAtMs = nowMs;
  }

  /** Until `tokens` are there and the pause is over. */
  #waitMs(tokens: number): number {
    const refillMs = ((tokens - this.#tokens) * 1000) / this.#limits.perSecond;
    return Math.ceil(Math.max(refillMs, this.#pausedUntilMs - this.#clock.monotonicMs(), 1));
  }

  #quietMs(): number {
    return this.#waitMs(1 + this.#limits.reserve + this.#waiting.length);
  }
}

function refused(operation: string, said: string, retryAfterMs: number): CodeEngineError {
  return new CodeEngineError({ kind: "throttled", service: "The client", operation, said, retryAfterMs });
}
