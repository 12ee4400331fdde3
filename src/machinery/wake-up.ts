import type { Clock } from "./clock.ts";
import { delay } from "./clock-delay.ts";

/** Lets a loop that waits be called before its time. A call while nobody waits is heard by the next wait. */
export class WakeUp {
  readonly #clock: Clock;
  #call = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  call(): void {
    this.#call.abort();
  }

  /** Resolves after `ms`, when called, or when `stop` is aborted; never rejects. */
  async wait(ms: number, stop: AbortSignal): Promise<void> {
    await delay(this.#clock, ms, AbortSignal.any([stop, this.#call.signal]));
    if (this.#call.signal.aborted) this.#call = new AbortController();
  }
}
