import type { Clock } from "../../../../src/machinery/clock.ts";
import type { LogLine, LogQuery } from "./runtime.ts";

const CAPACITY = 10_000;

/** What something said, for any number of readers that may follow it. The oldest lines go first. */
export class LogBuffer {
  readonly #clock: Clock;
  readonly #readers = new Set<() => void>();
  #lines: LogLine[] = [];
  /** Of all lines ever, so that readers find their place after the oldest have gone. */
  #dropped = 0;
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  write(text: string): void {
    if (this.#lines.length >= CAPACITY) {
      this.#dropped += this.#lines.length;
      this.#lines = [];
    }
    this.#lines.push({ at: this.#clock.now(), stream: "stdout", text });
    this.#tell();
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#tell();
  }

  async *read({ tailLines, since, follow, signal }: LogQuery): AsyncGenerator<LogLine> {
    const fresh = this.#lines.filter(({ at }) => since === undefined || at >= since);
    let next = this.#dropped + this.#lines.length;
    yield* tailLines === undefined ? fresh : fresh.slice(Math.max(0, fresh.length - tailLines));
    while (follow && !signal.aborted) {
      const news = this.#lines.slice(Math.max(0, next - this.#dropped));
      next = this.#dropped + this.#lines.length;
      yield* news;
      if (news.length === 0 && this.#ended) return;
      if (news.length === 0) await this.#told(signal);
    }
  }

  #tell(): void {
    for (const tell of this.#readers) tell();
  }

  async #told(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#readers.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#readers.delete(resolve);
  }
}
