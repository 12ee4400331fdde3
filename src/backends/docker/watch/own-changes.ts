import type { Clock } from "../../../machinery/clock.ts";

/** The Engine tells of a change before it answers the call that made it, but by another connection. */
const ECHO_MS = 1_000;

/**
 * Containers that calls of ours are changing: their callers learn from the answer how it went, so the Engine's events
 * about them are echoes.
 */
export class OwnChanges {
  readonly #clock: Clock;
  readonly #echoMs: number;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock, echoMs = ECHO_MS) {
    this.#clock = clock;
    this.#echoMs = echoMs;
  }

  /** Runs `work`, during which and for a moment after which `has` is true of `ids`. */
  async during<T>(ids: readonly (string | undefined)[], work: () => Promise<T>): Promise<T> {
    this.#forgetOld();
    const known = ids.filter((id) => id !== undefined);
    for (const id of known) this.#until.set(id, Number.POSITIVE_INFINITY);
    try {
      return await work();
    } finally {
      const until = this.#clock.monotonicMs() + this.#echoMs;
      for (const id of known) this.#until.set(id, until);
    }
  }

  /** What happens to `id` from now on is no echo. */
  forget(id: string): void {
    this.#until.delete(id);
  }

  has(id: string): boolean {
    return (this.#until.get(id) ?? Number.NEGATIVE_INFINITY) > this.#clock.monotonicMs();
  }

  #forgetOld(): void {
    const now = this.#clock.monotonicMs();
    for (const [id, until] of this.#until) if (until <= now) this.#until.delete(id);
  }
}
