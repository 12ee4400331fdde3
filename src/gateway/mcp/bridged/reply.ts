import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../../machinery/clock.ts";
import type { Message } from "../../bridge/message.ts";
import { SAFE_HEADERS } from "../../refusal.ts";
import { type Failure, sendFailure } from "../answers.ts";
import type { Outcome } from "../exchange.ts";
import { errorEvents, type RequestId } from "../json-rpc.ts";
import type { UnreadAnswers } from "./unread-answers.ts";

export interface ReplyOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly unread: UnreadAnswers;
  /** Called once, when all is said or the client has left. */
  readonly onEnd: (outcome: Outcome | "refused") => void;
}

/** A client that takes nothing for this long is taken for gone. */
const STALLED_MS = 60_000;

/** One for all: each would otherwise be made anew with its stack, for answers that have ended well. */
const GONE = new Error("the client is gone");

/** An answer that a browser opens as a page must not act as this origin. */
const HARMLESS = { ...SAFE_HEADERS, "content-security-policy": "default-src 'none'; sandbox" };

/** What goes back to one client: JSON or events, each as fast as the client takes it. */
export class Reply {
  readonly #options: ReplyOptions;
  #gone: AbortController | undefined;
  #outcome: Outcome | "refused" | undefined;

  constructor(options: ReplyOptions) {
    this.#options = options;
    const { response, unread, onEnd } = options;
    response.on("drain", () => unread.set(this, 0));
    const ended = () => {
      unread.set(this, 0);
      this.#gone?.abort(GONE);
      onEnd(this.#outcome ?? "gone");
    };
    if (response.closed) ended();
    else response.once("close", ended);
  }

  /** Raised when nobody reads any more. */
  get signal(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#options.response.closed) this.#gone.abort(GONE);
    return this.#gone.signal;
  }

  get isGone(): boolean {
    return this.#options.response.destroyed;
  }

  /** What all clients leave unread. */
  get unread(): UnreadAnswers {
    return this.#options.unread;
  }

  get hasBegun(): boolean {
    return this.#options.response.headersSent;
  }

  /** Tells a failure of the gateway (`refused`) or of the server, also where events have gone before it. */
  fail(outcome: "refused" | "failed", failure: Failure, ids: readonly RequestId[] = []): void {
    const { request, response } = this.#options;
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    if (!response.headersSent) sendFailure(request, response, failure, ids);
    else if (ids.length > 0) response.end(errorEvents(ids, failure));
    else response.destroy();
  }

  /** Ends an answer so that it does not look whole. */
  breakOff(): void {
    this.#outcome ??= "failed";
    this.#options.response.destroy();
  }

  /** All of it at once. */
  json(status: number, body: Message | readonly Message[], headers: Record<string, string> = {}): void {
    const text = JSON.stringify(body);
    const { response } = this.#options;
    this.#outcome ??= "answered";
    if (response.destroyed) return;
    const length = { "content-length": String(Buffer.byteLength(text)) };
    response.writeHead(status, { ...HARMLESS, "content-type": "application/json", ...length, ...headers });
    response.end(text);
    if (response.writableLength > 0) this.#expectDrain();
  }

  /** Nothing to say. */
  empty(status: number): void {
    const { response } = this.#options;
    this.#outcome ??= "answered";
    if (response.destroyed) return;
    response.writeHead(status, { ...HARMLESS, "content-length": "0" });
    response.end();
  }

  openEvents(headers: Record<string, string> = {}): void {
    const { response } = this.#options;
    if (response.destroyed) return;
    const type = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
    response.writeHead(200, { ...HARMLESS, ...type, ...headers });
    response.flushHeaders();
  }

  /** One event; without a message only what can be resumed from. Resolves when the client can take more, or has left. */
  async event(message: Message | undefined, id?: string): Promise<void> {
    const { response } = this.#options;
    if (response.destroyed || response.writableEnded) return;
    const name = message === undefined ? "" : "event: message\n";
    const where = id === undefined ? "" : `id: ${id}\n`;
    const data = message === undefined ? "" : JSON.stringify(message);
    if (response.write(`${name}${where}data: ${data}\n\n`)) return;
    const cancelStall = this.#scheduleStall();
    await once(response, "drain", { signal: this.signal }).catch(() => undefined);
    cancelStall();
  }

  endEvents(): void {
    const { response } = this.#options;
    this.#outcome ??= "answered";
    if (response.destroyed || response.writableEnded) return;
    response.end();
    if (response.writableLength > 0) this.#expectDrain();
  }

  /** Of what has ended, and is still on its way. */
  #expectDrain(): void {
    this.#options.response.once("close", this.#scheduleStall());
  }

  #scheduleStall(): () => void {
    const { clock, response, unread } = this.#options;
    unread.set(this, response.writableLength);
    return clock.schedule(STALLED_MS, () => response.destroy());
  }
}
