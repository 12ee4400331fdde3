import type { Clock } from "../../../machinery/clock.ts";
import { isAnswer, isNotification, isRequest, type Message, type RequestId } from "../message.ts";
import type { ChannelEvents, OpenChannel, ServerChannel } from "../stdio/server-channel.ts";
import { type HttpAnswer, type HttpRequest, headerOf, RequestFailed } from "./http-request.ts";
import {
  failureAnswer,
  noAnswer,
  REQUEST_BYTES,
  underId,
  type WaitingMessage,
  waitingMessage,
} from "./posted-request.ts";
import { type AnswerSink, isEventStream, readAnswer } from "./read-answer.ts";

export interface SessionChannelOptions {
  readonly request: HttpRequest;
  /** Path and query of the MCP endpoint. */
  readonly path: string;
  readonly clock: Clock;
}

/** How often a stream that broke off is taken up again without anything having come. */
const MOST_RESUMES = 5;
/** Before that, where the server does not say. A server that has died refuses the connection, and its client is to hear of it soon. */
const RESUME_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const END_TIMEOUT_MS = 5_000;
const ACCEPT = "application/json, text/event-stream";

/** A request that has no answer yet. */
interface Open {
  readonly gone: AbortController;
}

/** Where a stream can be taken up again, and when. */
interface Progress {
  lastEventId: string | undefined;
  retryMs: number;
}

/**
 * One session of the earlier streamable HTTP, as a channel: each message is a POST, what comes is read from their answers and
 * from one GET stream, and the session is deleted when the channel is closed.
 */
export function sessionChannel(options: SessionChannelOptions): OpenChannel {
  return (events) => new SessionChannel(options, events);
}

class SessionChannel implements ServerChannel {
  readonly #options: SessionChannelOptions;
  readonly #events: ChannelEvents;
  readonly #closed = new AbortController();
  readonly #open = new Map<RequestId, Open>();
  /** While the server is told that the handshake is done, nothing else may overtake that. */
  #behindHandshake: WaitingMessage[] | undefined;
  #sessionId: string | undefined;
  #protocolVersion: string | undefined;
  #backlog = 0;

  constructor(options: SessionChannelOptions, events: ChannelEvents) {
    this.#options = options;
    this.#events = events;
  }

  get backlogBytes(): number {
    return this.#backlog;
  }

  send(message: Message): void {
    if (this.#closed.signal.aborted) return;
    if (this.#behindHandshake) {
      const waiting = waitingMessage(message);
      this.#behindHandshake.push(waiting);
      this.#backlog += waiting.bytes;
    } else if (isNotification(message) && message.method === "notifications/initialized") {
      this.#behindHandshake = [];
      void this.#tell(message).then(() => this.#begin());
    } else if (isRequest(message)) {
      void this.#ask(message);
    } else {
      void this.#tell(message);
      if (isNotification(message) && message.method === "notifications/cancelled")
        this.#cancel(message.params?.requestId);
    }
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    if (this.#sessionId !== undefined) void this.#delete();
  }

  /** The session can be used: what came meanwhile goes out, and the stream of what belongs to no request is opened. */
  #begin(): void {
    const waiting = this.#behindHandshake ?? [];
    this.#behindHandshake = undefined;
    for (const { message, bytes } of waiting) {
      this.#backlog -= bytes;
      this.send(message);
    }
    void this.#listen();
  }

  #cancel(id: unknown): void {
    const open = this.#open.get(id as RequestId);
    this.#open.delete(id as RequestId);
    open?.gone.abort();
  }

  /** The session is gone: whoever waits for something hears of it. */
  #lose(reason: string): void {
    if (this.#closed.signal.aborted) return;
    this.#sessionId = undefined;
    this.#closed.abort();
    this.#events.onClose(reason);
  }

  /** What needs no answer. What cannot be told, the server need not know: it says so where it does. */
  async #tell(message: Message): Promise<void> {
    try {
      const answer = await this.#post(message, this.#closed.signal);
      await readAnswer(answer, this.#sink());
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
    }
  }

  async #ask(request: Message & { id: RequestId; method: string }): Promise<void> {
    const { id, method } = request;
    const gone = new AbortController();
    this.#open.set(id, { gone });
    const signal = AbortSignal.any([gone.signal, this.#closed.signal]);
    try {
      let answer = await this.#post(request, signal);
      if (method === "initialize") this.#sessionId = headerOf(answer, "mcp-session-id");
      const progress: Progress = { lastEventId: undefined, retryMs: RESUME_MS };
      for (let resumes = 0; ; resumes += 1) {
        const before = progress.lastEventId;
        const failure = await this.#read(answer, { ...this.#sink(id), ...watch(progress) });
        if (!this.#open.has(id)) return;
        if (progress.lastEventId !== before) resumes = 0;
        // Without a place to begin again nothing more can come.
        if (progress.lastEventId === undefined || resumes >= MOST_RESUMES) throw failure ?? noAnswer(answer);
        await this.#pause(progress.retryMs, signal);
        answer = await this.#get(signal, progress.lastEventId);
        if (!isEventStream(answer)) throw noAnswer(answer);
      }
    } catch (error) {
      if (this.#open.delete(id) && !signal.aborted) this.#events.onMessage(failureAnswer(id, error), 0);
    }
  }

  /** @returns why it ended before its time, where it did. */
  async #read(answer: HttpAnswer, sink: AnswerSink): Promise<RequestFailed | undefined> {
    try {
      await readAnswer(answer, sink);
      return undefined;
    } catch (error) {
      if (error instanceof RequestFailed) return error;
      throw error;
    }
  }

  /** What belongs to no request: for as long as the session is there. Servers need not have such a stream. */
  async #listen(): Promise<void> {
    const { signal } = this.#closed;
    const progress: Progress = { lastEventId: undefined, retryMs: RESUME_MS };
    for (let pauseMs = RESUME_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const answer = await this.#get(signal, progress.lastEventId);
        if (!isEventStream(answer)) return await readAnswer(answer, { onMessage: () => undefined });
        // It may be there for days.
        await readAnswer(answer, { ...this.#sink(), ...watch(progress) }, Number.POSITIVE_INFINITY);
        pauseMs = RESUME_MS;
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
      }
      await this.#pause(Math.max(pauseMs, progress.retryMs), signal);
    }
  }

  #sink(id?: RequestId): AnswerSink {
    return {
      onMessage: (message, bytes) => {
        if (this.#closed.signal.aborted) return;
        const named = id === undefined ? message : underId(message, id);
        if (isAnswer(named)) {
          if (named.id === undefined || !this.#open.delete(named.id)) return;
          this.#noteVersion(named);
        }
        this.#events.onMessage(named, bytes);
      },
      onInvalid: () => this.#events.onInvalid(),
    };
  }

  /** What the handshake agreed on goes along with all that follows (since revision 2025-06-18). */
  #noteVersion(answer: Message): void {
    if (this.#protocolVersion !== undefined || !("result" in answer)) return;
    const { protocolVersion } = answer.result;
    if (typeof protocolVersion === "string") this.#protocolVersion = protocolVersion;
  }

  async #post(message: Message, signal: AbortSignal): Promise<HttpAnswer> {
    const body = JSON.stringify(message);
    this.#backlog += body.length + REQUEST_BYTES;
    try {
      const headers = { ...this.#headers(), accept: ACCEPT, "content-type": "application/json" };
      const { request, path } = this.#options;
      return this.#seen(await request({ method: "POST", path, headers, body, signal, isCall: isRequest(message) }));
    } finally {
      this.#backlog -= body.length + REQUEST_BYTES;
    }
  }

  async #get(signal: AbortSignal, lastEventId: string | undefined): Promise<HttpAnswer> {
    const headers = {
      ...this.#headers(),
      accept: "text/event-stream",
      ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
    };
    const { request, path } = this.#options;
    return this.#seen(await request({ method: "GET", path, headers, signal, isCall: false }));
  }

  /** A server that does not know the session any more says so with 404. */
  #seen(answer: HttpAnswer): HttpAnswer {
    if (answer.status === 404 && this.#sessionId !== undefined) this.#lose("the server has ended the session");
    return answer;
  }

  async #delete(): Promise<void> {
    const { request, path } = this.#options;
    const signal = AbortSignal.timeout(END_TIMEOUT_MS);
    try {
      const answer = await request({ method: "DELETE", path, headers: this.#headers(), signal, isCall: true });
      await readAnswer(answer, { onMessage: () => undefined });
    } catch (error) {
      // It ends by itself, some time.
      if (!(error instanceof RequestFailed)) throw error;
    }
  }

  #headers(): Record<string, string> {
    return {
      ...(this.#sessionId !== undefined && { "mcp-session-id": this.#sessionId }),
      ...(this.#protocolVersion !== undefined && { "mcp-protocol-version": this.#protocolVersion }),
    };
  }

  /** At most until the signal. */
  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancelTimer();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancelTimer = this.#options.clock.schedule(ms, done);
      if (signal.aborted) done();
      else signal.addEventListener("abort", done, { once: true });
    });
  }
}

function watch(progress: Progress): Pick<AnswerSink, "onEventId" | "onRetry"> {
  return {
    onEventId(id) {
      progress.lastEventId = id;
    },
    onRetry(ms) {
      progress.retryMs = ms;
    },
  };
}
