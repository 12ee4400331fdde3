/** A budget that refills with time: `burst` at once, then one every `refillMs`. */
export class TokenBucket {
  readonly #burst: number;
  readonly #refillMs: number;
  #tokens: number;
  #sinceMs: number;

  constructor(burst: number, refillMs: number, nowMs: number) {
    this.#burst = burst;
    this.#refillMs = refillMs;
    this.#tokens = burst;
    this.#sinceMs = nowMs;
  }

  /** Takes one where there is one. `nowMs` never goes back. */
  take(nowMs: number): boolean {
    this.#tokens = this.#refilled(nowMs);
    this.#sinceMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** True when it holds what it held at the beginning: forgetting it loses nothing. */
  isFull(nowMs: number): boolean {
    return this.#refilled(nowMs) >= this.#burst;
  }

  #refilled(nowMs: number): number {
    return Math.min(this.#burst, this.#tokens + (nowMs - this.#sinceMs) / this.#refillMs);
  }
}
