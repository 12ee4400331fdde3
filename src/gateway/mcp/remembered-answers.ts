import type { Clock } from "../../machinery/clock.ts";

export interface MemoryLimits<T> {
  /** Answers kept; the one that was given longest ago goes first. */
  readonly size: number;
  /** How long this answer stands, in milliseconds. */
  readonly freshMs: (answer: T) => number;
  /** How long it stands in for one that cannot be had, from when it was given. 0: never. */
  readonly staleMs: (answer: T) => number;
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
  readonly #given = new Map<string, Given<T>>();
  readonly #asked = new Map<string, Promise<T>>();

  constructor(limits: MemoryLimits<T>, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** The answer where it is fresh: no wait. */
  known(key: string): T | undefined {
    const given = this.#given.get(key);
    if (given === undefined) return undefined;
    return this.#ageMs(given) < this.#limits.freshMs(given.answer) ? given.answer : undefined;
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
      const given = this.#given.get(key);
      if (given && this.#ageMs(given) < this.#limits.staleMs(given.answer)) return given.answer;
      throw error;
    } finally {
      this.#asked.delete(key);
    }
  }

  #keep(key: string, answer: T): void {
    this.#given.delete(key);
    this.#given.set(key, { answer, atMs: this.#clock.monotonicMs() });
    if (this.#given.size <= this.#limits.size) return;
    // A Map iterates in order of insertion.
    for (const oldest of this.#given.keys()) {
      this.#given.delete(oldest);
      return;
    }
  }

  #ageMs({ atMs }: Given<T>): number {
    return this.#clock.monotonicMs() - atMs;
  }
}
