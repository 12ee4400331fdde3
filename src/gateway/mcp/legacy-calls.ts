import { createParser } from "eventsource-parser";
import type { RequestId } from "./json-rpc.ts";

/** Calls of one client that are remembered; who has more open at once is not told of the oldest. */
const REMEMBERED = 1_024;
/** Characters of the longest event that is looked at. A call that a longer one answered is told of a failure that is none of its own. */
const LONGEST_EVENT = 1024 * 1024;

/**
 * What a client of a legacy SSE server waits for. Its calls go one way and their answers come another, so the calls that
 * are open when the stream dies are known only to who has read both.
 */
export class LegacyCalls {
  readonly #open = new Set<RequestId>();
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: ({ data }) => this.#answered(data),
    onError: ({ type }) => {
      this.#isLost = type === "max-buffer-size-exceeded";
    },
  });
  #isLost = false;

  sent(ids: readonly RequestId[]): void {
    for (const id of ids) this.#open.add(id);
    for (const oldest of this.#open) {
      if (this.#open.size <= REMEMBERED) return;
      this.#open.delete(oldest);
    }
  }

  /** Reads along what the server sends. */
  passed(chunk: Uint8Array): void {
    if (this.#isLost) this.#parser.reset();
    this.#isLost = false;
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }));
  }

  unanswered(): readonly RequestId[] {
    return [...this.#open];
  }

  #answered(data: string): void {
    if (this.#open.size === 0) return;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      // No message, so no answer.
      return;
    }
    for (const each of Array.isArray(message) ? message : [message]) {
      if (typeof each === "object" && each !== null && !("method" in each) && "id" in each)
        this.#open.delete(each.id as RequestId);
    }
  }
}
