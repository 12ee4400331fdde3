import type { EndpointKey } from "../directory.ts";
import { DRAIN_MS } from "../drains.ts";

/** A server that takes no new requests; `ended` resolves when those under way have ended, or had their time. */
export interface Draining {
  readonly ended: Promise<void>;
}

interface Asked {
  begun(calls: number): void;
  over(): void;
}

/** The thread says at once whether anything is under way; one that does not has other troubles. */
const BEGIN_TIMEOUT_MS = 1_000;
/** For its word that all is over. */
const SPARE_MS = 2_000;

/** Drains that a thread was asked for. All are over when it ends: nothing goes through it then. */
export class DrainRequests {
  readonly #asked = new Map<number, Asked>();
  #last = 0;

  /** Resolves with nothing where nothing is under way. Never rejects. `tell` sends the request to the thread. */
  async ask(tell: (id: number) => void): Promise<Draining | undefined> {
    this.#last += 1;
    const id = this.#last;
    const begun = Promise.withResolvers<number>();
    const ended = Promise.withResolvers<void>();
    const late = setTimeout(() => begun.resolve(0), BEGIN_TIMEOUT_MS);
    const never = setTimeout(() => this.#asked.get(id)?.over(), DRAIN_MS + SPARE_MS);
    never.unref();
    this.#asked.set(id, {
      begun: begun.resolve,
      over: () => {
        this.#asked.delete(id);
        clearTimeout(never);
        begun.resolve(0);
        ended.resolve();
      },
    });
    tell(id);
    const calls = await begun.promise;
    clearTimeout(late);
    return calls === 0 ? undefined : { ended: ended.promise };
  }

  /** The thread has said how many calls are under way. */
  begun(id: number, calls: number): void {
    this.#asked.get(id)?.begun(calls);
  }

  /** The thread has said that they are over. */
  over(id: number): void {
    this.#asked.get(id)?.over();
  }

  /** The thread is gone. */
  allOver(): void {
    for (const asked of [...this.#asked.values()]) asked.over();
  }
}

/** Keeps requests from servers that are about to end. */
export interface DrainControl {
  /**
   * From now on new requests are held for what comes next (`isReplaced`) or refused, and streams that wait for nothing end.
   * Resolves with nothing where no call is under way. Bounded; never rejects.
   */
  drain(key: EndpointKey, isReplaced: boolean): Promise<Draining | undefined>;
  /** The server goes on as before. */
  resume(key: EndpointKey): void;
}
