import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 30_000;

/**
 * A small work queue for the server's own controllers: keys, each handled by one call at a time, again when it was added
 * meanwhile, and after a growing while when it failed.
 */
export class KeyedTasks {
  readonly #work: (key: string) => Promise<void>;
  readonly #options: { readonly logger: Logger; readonly clock: Clock; readonly what: string };
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, () => void>();
  #closed = false;

  constructor(work: (key: string) => Promise<void>, options: { logger: Logger; clock: Clock; what: string }) {
    this.#work = work;
    this.#options = options;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    if (this.#running.has(key)) this.#again.add(key);
    else this.#running.set(key, this.#run(key));
  }

  addAfter(key: string, ms: number): void {
    if (this.#closed || this.#timers.has(key)) return;
    const cancel = this.#options.clock.schedule(ms, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, cancel);
  }

  /** Resolves when nothing runs; keys that wait for their time do not count. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Lets running work end, and starts none. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await this.settled();
  }

  async #run(key: string): Promise<void> {
    // Out of the caller's turn: it may be inside the store's announcement of a change.
    await Promise.resolve();
    do {
      this.#again.delete(key);
      try {
        await this.#work(key);
        this.#failures.delete(key);
      } catch (error) {
        this.#retryLater(key, error);
      }
    } while (this.#again.has(key) && !this.#closed);
    this.#running.delete(key);
  }

  #retryLater(key: string, error: unknown): void {
    if (this.#closed) return;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delay = Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS);
    const { logger, what } = this.#options;
    logger.warn(`${what} not settled, trying again`, {
      key,
      error: error instanceof Error ? error.message : String(error),
    });
    this.addAfter(key, delay);
  }
}
