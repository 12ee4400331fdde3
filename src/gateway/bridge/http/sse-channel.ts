import type { Clock } from "../../../machinery/clock.ts";
import { isAnswer, isNotification, isRequest, type Message, type RequestId } from "../message.ts";
import type { ChannelEvents, OpenChannel, ServerChannel } from "../stdio/server-channel.ts";
import { type HttpRequest, RequestFailed } from "./http-request.ts";
import { failureAnswer, noAnswer, REQUEST_BYTES, type WaitingMessage, waitingMessage } from "./posted-request.ts";
import { isEventStream, readAnswer } from "./read-answer.ts";

export interface SseChannelOptions {
  readonly request: HttpRequest;
  readonly origin: string;
  /** Path and query of the stream. */
  readonly path: string;
  readonly clock: Clock;
}

/** For the server to say where messages go. */
const ENDPOINT_TIMEOUT_MS = 10_000;

/**
 * The HTTP+SSE transport of revision 2024-11-05 as a channel: one stream brings all that the server says, and each message
 * is posted to where its first event says. The session is the stream.
 */
export function sseChannel(options: SseChannelOptions): OpenChannel {
  return (events) => new SseChannel(options, events);
}

class SseChannel implements ServerChannel {
  readonly #options: SseChannelOptions;
  readonly #events: ChannelEvents;
  readonly #closed = new AbortController();
  /** Requests that have no answer. */
  readonly #open = new Set<RequestId>();
  /** What waits for the endpoint, and then behind the end of the handshake; undefined where nothing has to. */
  #waiting: WaitingMessage[] | undefined = [];
  #endpoint = "";
  #backlog = 0;
  readonly #cancelTimer: () => void;

  constructor(options: SseChannelOptions, events: ChannelEvents) {
    this.#options = options;
    this.#events = events;
    this.#cancelTimer = options.clock.schedule(ENDPOINT_TIMEOUT_MS, () => {
      if (this.#endpoint === "") this.#end("the server did not say where messages go");
    });
    void this.#read();
  }

  get backlogBytes(): number {
    return this.#backlog;
  }

  send(message: Message): void {
    if (this.#closed.signal.aborted) return;
    if (isRequest(message)) this.#open.add(message.id);
    this.#passInOrder(message);
    if (isNotification(message) && message.method === "notifications/cancelled") {
      this.#open.delete(message.params?.requestId as RequestId);
    }
  }

  close(): void {
    this.#cancelTimer();
    this.#closed.abort();
  }

  #end(reason: string): void {
    if (this.#closed.signal.aborted) return;
    this.close();
    this.#events.onClose(reason);
  }

  async #read(): Promise<void> {
    const { request, path } = this.#options;
    const { signal } = this.#closed;
    try {
      const answer = await request({
        method: "GET",
        path,
        headers: { accept: "text/event-stream" },
        signal,
        isCall: false,
      });
      if (!isEventStream(answer)) throw noAnswer(answer);
      const sink = {
        onMessage: (message: Message, bytes: number) => this.#receive(message, bytes),
        onInvalid: () => this.#events.onInvalid(),
        onEvent: (name: string, data: string) => {
          if (name === "endpoint") this.#found(data);
        },
      };
      await readAnswer(answer, sink, Number.POSITIVE_INFINITY);
      this.#end("the server ended its stream");
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      this.#end(error.message);
    }
  }

  #receive(message: Message, bytes: number): void {
    if (this.#closed.signal.aborted) return;
    if (isAnswer(message) && message.id !== undefined) this.#open.delete(message.id);
    this.#events.onMessage(message, bytes);
  }

  /** Where the messages go, once: nobody moves in the middle of a session. */
  #found(endpoint: string): void {
    if (this.#waiting === undefined || this.#endpoint !== "") return;
    const path = this.#pathOf(endpoint);
    if (path === undefined) {
      this.#end("the server's stream names an endpoint that is not its own");
      return;
    }
    this.#endpoint = path;
    this.#cancelTimer();
    this.#passWaiting();
  }

  #passWaiting(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const { message, bytes } of waiting) {
      this.#backlog -= bytes;
      this.#passInOrder(message);
    }
  }

  #passInOrder(message: Message): void {
    if (this.#waiting) {
      const waiting = waitingMessage(message);
      this.#waiting.push(waiting);
      this.#backlog += waiting.bytes;
    } else {
      this.#pass(message);
    }
  }

  /** Requests are posted side by side; but while the server is told that the handshake is done, nothing may overtake that. */
  #pass(message: Message): void {
    const posted = this.#post(message);
    if (!isNotification(message) || message.method !== "notifications/initialized") return;
    this.#waiting = [];
    void posted.then(() => this.#passWaiting());
  }

  /** Undefined where it lies elsewhere: messages carry what is meant for this server. */
  #pathOf(endpoint: string): string | undefined {
    const { origin, path } = this.#options;
    const url = URL.parse(endpoint, `${origin}${path}`);
    return url === null || url.origin !== origin ? undefined : `${url.pathname}${url.search}`;
  }

  async #post(message: Message): Promise<void> {
    const { request } = this.#options;
    const { signal } = this.#closed;
    const body = JSON.stringify(message);
    const headers = { "content-type": "application/json" };
    this.#backlog += body.length + REQUEST_BYTES;
    try {
      const answer = await request({
        method: "POST",
        path: this.#endpoint,
        headers,
        body,
        signal,
        isCall: isRequest(message),
      });
      // Its answer comes on the stream; here the server only says whether it took the message.
      await readAnswer(answer, { onMessage: () => undefined });
      if (answer.status >= 400) throw noAnswer(answer);
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      if (isRequest(message) && this.#open.delete(message.id)) {
        this.#events.onMessage(failureAnswer(message.id, error), 0);
      }
    } finally {
      this.#backlog -= body.length + REQUEST_BYTES;
    }
  }
}
