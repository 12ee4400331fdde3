import type { Answer } from "../message.ts";

/**
 * For whoever would rather have an answer by itself than a stream of one: it is handed over where nothing comes before it, and
 * nothing of it is kept then. Whatever else comes first, the end of waiting included, makes it a stream.
 */
export class SoleAnswer {
  readonly #settled = Promise.withResolvers<Answer | undefined>();
  #isWanted = true;

  /** Undefined: there is a stream to read. */
  get settled(): Promise<Answer | undefined> {
    return this.#settled.promise;
  }

  /** Whether it was taken. */
  take(answer: Answer): boolean {
    if (!this.#isWanted) return false;
    this.#isWanted = false;
    this.#settled.resolve(answer);
    return true;
  }

  /** Idempotent. */
  giveUp(): void {
    if (!this.#isWanted) return;
    this.#isWanted = false;
    this.#settled.resolve(undefined);
  }
}
