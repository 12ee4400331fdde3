import type { Clock } from "../machinery/clock.ts";
import { type Directory, type Endpoint, type EndpointKey, endpointPath } from "./directory.ts";

/** What is under way at one server. */
export interface UnderWay {
  /** Requests whose answer somebody waits for. */
  readonly calls: number;
  /** Ends what waits for nothing. */
  cut(reason: string, spare: "calls"): void;
}

export interface DrainsOptions {
  readonly directory: Pick<Directory, "get" | "onChange">;
  readonly clock: Clock;
  /** At what serves this deployment. */
  readonly underWay: (key: EndpointKey) => readonly UnderWay[];
}

/** How long requests under way have to end. */
export const DRAIN_MS = 30_000;
/**
 * A request is held this long for what comes next: above what it takes to make a container and to see that it answers, below
 * the minute after which clients give up.
 */
export const HOLD_MS = 20_000;
const LOOK_MS = 50;
const REASON = "the server is being replaced or stopped";

interface Drain {
  readonly instance: string | undefined;
  readonly isReplaced: boolean;
  readonly over: () => void;
  readonly held: Set<() => void>;
  cancelTimers: () => void;
}

/** Deployments whose server is about to end: no new call reaches it, and those under way are let go to their end. */
export class Drains implements Disposable {
  readonly #options: DrainsOptions;
  readonly #drains = new Map<string, Drain>();
  readonly #unsubscribe: () => void;

  constructor(options: DrainsOptions) {
    this.#options = options;
    this.#unsubscribe = options.directory.onChange((key) => this.#changed(key));
  }

  /**
   * From now on requests are held for another server (`isReplaced`), or refused. Answers how many calls are under way; `over` is
   * called once, when they have ended or had their time, at once where there are none.
   */
  begin(key: EndpointKey, isReplaced: boolean, over: () => void): number {
    this.end(key);
    const { directory, clock } = this.#options;
    const instance = directory.get(key.namespace, key.name)?.upstream?.instance;
    const drain: Drain = { instance, isReplaced, over: once(over), held: new Set(), cancelTimers: () => undefined };
    this.#drains.set(endpointPath(key), drain);
    for (const each of this.#options.underWay(key)) each.cut(REASON, "calls");
    const calls = this.#calls(key);
    if (calls === 0) drain.over();
    const until = clock.monotonicMs() + DRAIN_MS;
    const look = () => {
      if (this.#calls(key) === 0 || clock.monotonicMs() >= until) drain.over();
      else drain.cancelTimers = both(clock.schedule(LOOK_MS, look), cancelLast);
    };
    // Nobody may ever say how it ended.
    const cancelLast = clock.schedule(DRAIN_MS + HOLD_MS, () => this.end(key));
    drain.cancelTimers = cancelLast;
    if (calls > 0) look();
    return calls;
  }

  /** It serves on, or something else does. */
  end(key: EndpointKey): void {
    const path = endpointPath(key);
    const drain = this.#drains.get(path);
    if (drain === undefined) return;
    this.#drains.delete(path);
    drain.cancelTimers();
    drain.over();
    for (const release of drain.held) release();
  }

  /** Whether a request has to ask. What is not ready, with nothing to come, has a reason of its own that says more. */
  isDraining(key: EndpointKey): boolean {
    const drain = this.#drains.get(endpointPath(key));
    return drain !== undefined && (drain.isReplaced || this.#isReady(key));
  }

  /** Whether what drains can still be spoken to, by what its calls wait for. */
  isThere(key: EndpointKey): boolean {
    const drain = this.#drains.get(endpointPath(key));
    const upstream = this.#options.directory.get(key.namespace, key.name)?.upstream;
    return drain !== undefined && upstream !== undefined && upstream.instance === drain.instance;
  }

  /** How a request goes on: `passed` at once where nothing drains, `late` when it was held in vain. */
  async pass(key: EndpointKey, client: AbortSignal): Promise<"passed" | "refused" | "late"> {
    const drain = this.#drains.get(endpointPath(key));
    if (drain === undefined) return "passed";
    if (!drain.isReplaced) return "refused";
    const { promise, resolve } = Promise.withResolvers<"passed" | "late">();
    const release = () => resolve("passed");
    const tooLate = () => resolve("late");
    drain.held.add(release);
    const cancel = this.#options.clock.schedule(HOLD_MS, tooLate);
    client.addEventListener("abort", tooLate, { once: true });
    if (client.aborted) tooLate();
    try {
      return await promise;
    } finally {
      cancel();
      client.removeEventListener("abort", tooLate);
      drain.held.delete(release);
    }
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    for (const drain of this.#drains.values()) {
      drain.cancelTimers();
      drain.over();
      for (const release of drain.held) release();
    }
    this.#drains.clear();
  }

  #isReady({ namespace, name }: EndpointKey): boolean {
    return this.#options.directory.get(namespace, name)?.state.ready === true;
  }

  #calls(key: EndpointKey): number {
    return this.#options.underWay(key).reduce((sum, { calls }) => sum + calls, 0);
  }

  #changed(key: EndpointKey): void {
    const drain = this.#drains.get(endpointPath(key));
    if (drain === undefined) return;
    const endpoint = this.#options.directory.get(key.namespace, key.name);
    if (endpoint === undefined || isNext(endpoint, drain)) this.end(key);
  }
}

/** Whether another server than the one that drains is ready. */
function isNext({ state, upstream }: Endpoint, { instance }: Drain): boolean {
  return state.ready && upstream?.instance !== instance;
}

function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    call();
  };
}

function both(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}
