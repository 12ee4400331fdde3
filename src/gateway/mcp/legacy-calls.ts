import { createParser } from "eventsource-parser";
import type { RequestId } from "./json-rpc.ts";

/** Calls of one client that are remembered; who has more open at once is not told of the oldest. */
const REMEMBERED = 1_024;
/** A longer id is not told, so that a comment stays short. */
const TOLD_ID_LENGTH = 256;
const SENT = "slipway-sent ";

/** Calls that were sent, as a comment of the stream of their answers: a line of its own, which clients skip. */
export function sentComment(ids: readonly RequestId[]): string {
  const told = ids.filter((id) => String(id).length <= TOLD_ID_LENGTH);
  return `: ${SENT}${JSON.stringify(told)}\n`;
}

/** Characters of the longest event that is looked at. A call that a longer one answered is told of a failure that is none of its own. */
const LONGEST_EVENT = 1024 * 1024;

/**
 * What a client of a legacy SSE server waits for. Its calls go one way and their answers come another, so the calls that
 * are open when the stream dies are known only to who has read both.
 */
export class LegacyCalls {
  readonly #readsSent: boolean;
  readonly #open = new Set<RequestId>();
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: ({ data }) => this.#answered(data),
    onComment: (comment) => {
      if (this.#readsSent) this.sent(sentIn(comment));
    },
    onError: ({ type }) => {
      this.#isLost = type === "max-buffer-size-exceeded";
    },
  });
  #isLost = false;

  /** `readsSent`: whether what the stream says was sent counts: where a gateway has it, and not a server. */
  constructor({ readsSent = false }: { readonly readsSent?: boolean } = {}) {
    this.#readsSent = readsSent;
  }

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

function sentIn(comment: string): readonly RequestId[] {
  if (!comment.startsWith(SENT)) return [];
  let ids: unknown;
  try {
    ids = JSON.parse(comment.slice(SENT.length));
  } catch {
    // A server's own comment that begins alike.
    return [];
  }
  return Array.isArray(ids) ? ids.filter((id) => typeof id === "string" || typeof id === "number") : [];
}
