import type { Clock } from "../../machinery/clock.ts";

export interface MemoryLimits<T> {
  /** Tells a yes from a no. They are kept apart, so that a flood of what is refused drives out nobody who may. */
  readonly isYes: (answer: T) => boolean;
  /** Answers kept of either kind; the one that was given longest ago goes first. */
  readonly size: number;
  /** How long a yes and a no stand, in milliseconds. */
  readonly yesMs: number;
  readonly noMs: number;
  /** How long a yes stands in for an answer that cannot be had, from when it was given. */
  readonly staleMs: number;
  /** A question may take this long. */
  readonly timeoutMs: number;
}

interface Given<T> {
  readonly answer: T;
  readonly atMs: number;
}

/**
 * Remembers answers of a slow place for a short time. Whoever asks the same while it is being asked shares the question, so
 * that a hundred clients that connect at once make one.
 */
export class RememberedAnswers<T> {
  readonly #clock: Clock;
  readonly #limits: MemoryLimits<T>;
  readonly #yes = new Map<string, Given<T>>();
  readonly #no = new Map<string, Given<T>>();
  readonly #asked = new Map<string, Promise<T>>();

  constructor(limits: MemoryLimits<T>, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** The answer where it is fresh: no wait. */
  known(key: string): T | undefined {
    const { yesMs, noMs } = this.#limits;
    return this.#within(this.#yes, key, yesMs) ?? this.#within(this.#no, key, noMs);
  }

  /** Whether the last answer was a yes, however long ago. */
  isFamiliar(key: string): boolean {
    return this.#yes.has(key);
  }

  /** @throws what `question` throws, unless an earlier answer may stand in. */
  ask(key: string, question: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const known = this.known(key);
    if (known !== undefined) return Promise.resolve(known);
    const asked = this.#asked.get(key) ?? this.#askAnew(key, question);
    this.#asked.set(key, asked);
    return asked;
  }

  async #askAnew(key: string, question: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      const answer = await question(AbortSignal.timeout(this.#limits.timeoutMs));
      this.#keep(key, answer);
      return answer;
    } catch (error) {
      const stale = this.#within(this.#yes, key, this.#limits.staleMs);
      if (stale !== undefined) return stale;
      throw error;
    } finally {
      this.#asked.delete(key);
    }
  }

  #keep(key: string, answer: T): void {
    this.#yes.delete(key);
    this.#no.delete(key);
    const kept = this.#limits.isYes(answer) ? this.#yes : this.#no;
    kept.set(key, { answer, atMs: this.#clock.monotonicMs() });
    if (kept.size <= this.#limits.size) return;
    // A Map iterates in order of insertion.
    for (const oldest of kept.keys()) {
      kept.delete(oldest);
      return;
    }
  }

  #within(kept: ReadonlyMap<string, Given<T>>, key: string, ms: number): T | undefined {
    const given = kept.get(key);
    return given !== undefined && this.#clock.monotonicMs() - given.atMs < ms ? given.answer : undefined;
  }
}
