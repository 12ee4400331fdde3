import type { ServerResponse } from "node:http";
import type { Clock } from "../../machinery/clock.ts";
import { type Directory, type EndpointKey, endpointPath } from "../directory.ts";

export interface DirectCallsOptions {
  readonly directory: Pick<Directory, "get" | "onChange">;
  readonly clock: Clock;
  /** Tells the leader, until the signal; resolves when the leader hears of it no longer, for whatever reason. Never rejects. */
  readonly tell: (key: EndpointKey, authorization: string | undefined, signal: AbortSignal) => Promise<void>;
}

interface Known {
  readonly key: EndpointKey;
  /** With what the caller showed. */
  readonly calls: Map<ServerResponse, string | undefined>;
  telling: AbortController | undefined;
}

/** The leader may change, or may not be there for a while. */
const AGAIN_MS = 1_000;

/**
 * The calls that a replica which follows passes through to servers itself. While such a server is about to change, the leader
 * is told that calls are under way at it, in the name of one of the callers, so that they have the time that all calls have.
 */
export class DirectCalls implements Disposable {
  readonly #options: DirectCallsOptions;
  readonly #known = new Map<string, Known>();
  readonly #unsubscribe: () => void;

  constructor(options: DirectCallsOptions) {
    this.#options = options;
    this.#unsubscribe = options.directory.onChange((key) => this.#look(endpointPath(key)));
  }

  /** Until the response has ended. */
  enter({ namespace, name }: EndpointKey, authorization: string | undefined, response: ServerResponse): void {
    if (response.closed) return;
    const path = endpointPath({ namespace, name });
    const known = this.#known.get(path) ?? { key: { namespace, name }, calls: new Map(), telling: undefined };
    this.#known.set(path, known);
    known.calls.set(response, authorization);
    response.once("close", () => {
      known.calls.delete(response);
      if (known.calls.size > 0) return;
      known.telling?.abort();
      if (this.#known.get(path) === known) this.#known.delete(path);
    });
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    for (const { telling } of this.#known.values()) telling?.abort();
    this.#known.clear();
  }

  #look(path: string): void {
    const known = this.#known.get(path);
    if (known === undefined) return;
    const { namespace, name } = known.key;
    // What is gone has nobody left to wait for it.
    const isChanging = this.#options.directory.get(namespace, name)?.changing === true;
    if (isChanging && known.telling === undefined) void this.#tell(path, known);
    if (!isChanging) known.telling?.abort();
  }

  async #tell(path: string, known: Known): Promise<void> {
    const [authorization] = known.calls.values();
    const telling = new AbortController();
    known.telling = telling;
    await this.#options.tell(known.key, authorization, telling.signal);
    known.telling = undefined;
    // It may be about to change again.
    if (telling.signal.aborted) this.#look(path);
    else this.#options.clock.schedule(AGAIN_MS, () => this.#look(path));
  }
}
