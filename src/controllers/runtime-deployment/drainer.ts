import { formatKey, type ObjectKey } from "../../api/meta.ts";
import type { Clock } from "../../machinery/clock.ts";

/** What keeps clients' requests from a server that is about to end. */
export interface Drain {
  /**
   * From now on new requests are held for what comes next (`isReplaced`) or refused. Resolves with nothing where no call is
   * under way, else with their end. Resolves soon, and never rejects.
   */
  drain(key: ObjectKey, isReplaced: boolean): Promise<{ readonly ended: Promise<void> } | undefined>;
  /** The server goes on as before. */
  resume(key: ObjectKey): void;
}

interface Drained {
  readonly instance: string;
  readonly until: number;
  isOver: boolean;
}

/** Whatever becomes of the word that all is over, nothing is kept from its end for longer. Above what calls are given. */
const LIMIT_MS = 40_000;

/** Which processes are kept from their end by what clients have under way there. At most one of each deployment. */
export class Drainer {
  readonly #drain: Drain;
  readonly #clock: Clock;
  readonly #enqueue: (key: ObjectKey) => void;
  readonly #drained = new Map<string, Drained>();

  /** `enqueue` is called when a deployment is to be looked at again. */
  constructor(drain: Drain, clock: Clock, enqueue: (key: ObjectKey) => void) {
    this.#drain = drain;
    this.#clock = clock;
    this.#enqueue = enqueue;
  }

  /** Milliseconds for which a process must not be ended yet, at most; 0: it may be. The first call begins the drain. */
  async waitMs(key: ObjectKey, instance: string, isReplaced: boolean): Promise<number> {
    const id = formatKey(key);
    const known = this.#drained.get(id);
    if (known?.instance === instance) {
      return known.isOver ? 0 : Math.max(0, known.until - this.#clock.monotonicMs());
    }
    const made: Drained = { instance, until: this.#clock.monotonicMs() + LIMIT_MS, isOver: false };
    this.#drained.set(id, made);
    const draining = await this.#drain.drain(key, isReplaced);
    if (draining === undefined) {
      made.isOver = true;
      return 0;
    }
    void draining.ended.then(() => {
      made.isOver = true;
      if (this.#drained.get(id) === made) this.#enqueue(key);
    });
    return LIMIT_MS;
  }

  /** Nothing is to be ended. Where that is news of this very process, its clients go on. */
  spare(key: ObjectKey, running: string | undefined): void {
    const id = formatKey(key);
    const known = this.#drained.get(id);
    if (known === undefined) return;
    this.#drained.delete(id);
    if (known.instance === running) this.#drain.resume(key);
  }

  forget(key: ObjectKey): void {
    this.#drained.delete(formatKey(key));
  }
}
