import type { Clock } from "./clock.ts";

/** Aborts its signal when nobody has called `touch` for `limitMs`. One timer, however often it is touched. */
export class Watchdog implements Disposable {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #controller = new AbortController();
  #touchedMs: number;
  #cancel: () => void;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#touchedMs = clock.monotonicMs();
    this.#cancel = clock.schedule(limitMs, () => this.#check());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Answers for how long it had not been touched. */
  touch(): number {
    const nowMs = this.#clock.monotonicMs();
    const silentMs = nowMs - this.#touchedMs;
    this.#touchedMs = nowMs;
    return silentMs;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #check(): void {
    const restMs = this.#touchedMs + this.#limitMs - this.#clock.monotonicMs();
    if (restMs <= 0) this.#controller.abort(new Error(`silent for ${this.#limitMs} ms`));
    else this.#cancel = this.#clock.schedule(restMs, () => this.#check());
  }
}
