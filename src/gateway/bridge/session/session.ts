import { Fifo } from "../../../machinery/fifo.ts";
import {
  errorOf,
  isAnswer,
  isRequest,
  type Message,
  metaOf,
  type Notification,
  type Request,
  type RequestId,
  RpcCode,
} from "../message.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { EventStream, type StreamEvent } from "./event-stream.ts";
import type { SoleAnswer } from "./sole-answer.ts";

export interface SessionLimits {
  /** What is kept of one session's messages, read and unread. */
  readonly bytes: number;
  /** Streams that have ended and can still be resumed. */
  readonly endedStreams: number;
}

/** The messages of all sessions together. */
export interface SharedBudget {
  /** Whether what is kept is within what all may keep. */
  readonly isExceeded: boolean;
  add(bytes: number): void;
}

export interface SessionOptions {
  readonly id: string;
  /** Who may use it. */
  readonly owner: string;
  readonly limits: SessionLimits;
  readonly budget: SharedBudget;
  /** Called once, however it ends. */
  readonly onEnd: () => void;
}

/** Who reads. Asked only when it begins to: most answers need no stream. */
export interface Reader {
  /** Raised when it reads no more. */
  readonly signal: AbortSignal;
}

/** What comes of one POST. */
export interface PostEvents extends AsyncIterable<StreamEvent> {
  /** The id from which all of it is resumed. */
  readonly beforeFirst: string;
}

/** A call whose answer is awaited. */
interface OpenCall {
  readonly stream: EventStream;
  /** Given up once there is something in the stream. */
  readonly sole: SoleAnswer | undefined;
  readonly progressToken: unknown;
  /** Requests that came together are answered on one stream. */
  readonly together: Set<RequestId>;
}

/** What an event takes beside its message. */
const EVENT_BYTES = 256;

/** That of messages which belong to no request. */
const STANDALONE = "s";

/**
 * One client's session on the earlier streamable HTTP: what it sends goes to a server's port, and what comes back is sorted
 * into the streams that the client reads, one for each POST and one for the rest.
 */
export class Session {
  readonly id: string;
  readonly owner: string;
  readonly #options: SessionOptions;
  readonly #streams = new Map<string, EventStream>();
  readonly #standalone = new EventStream(STANDALONE);
  readonly #calls = new Map<RequestId, OpenCall>();
  /** The streams of all that is kept, in the order in which it came. */
  readonly #kept = new Fifo<EventStream>();
  #bytes = 0;
  #port: ServerPort | undefined;
  #posts = 0;
  #readers = 0;
  #hasEnded = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.id = options.id;
    this.owner = options.owner;
    this.#streams.set(STANDALONE, this.#standalone);
  }

  /** Who reads has not forgotten it. */
  get hasReader(): boolean {
    return this.#readers > 0;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What the port is to tell. */
  readonly events: PortEvents = {
    onMessage: (message, bytes) => this.#receive(message, bytes),
    onClose: () => this.close(),
  };

  /** Before anything is sent. */
  attach(port: ServerPort): void {
    this.#port = port;
    if (this.#hasEnded) port.close();
  }

  /**
   * The messages of one POST. @returns what belongs to its requests, up to the last answer; undefined where none was asked.
   * A client that stops reading does not cancel: it may come back, and says so when it does not want the answer.
   * `sole`: of one message, whose answer is not in the stream then.
   */
  post(messages: readonly Message[], reader: Reader, sole?: SoleAnswer): PostEvents | undefined {
    const stream = messages.some(isRequest) ? this.#openStream(sole) : undefined;
    const together = new Set<RequestId>();
    const sent = messages.filter((message) => {
      if (stream === undefined || !isRequest(message)) return true;
      return this.#opens({ stream, sole, together, progressToken: metaOf(message).progressToken }, message);
    });
    if (together.size === 0) stream?.end();
    for (const message of sent) this.#send(message);
    return stream && Object.assign(this.#read(stream, reader), { beforeFirst: `${stream.key}-0` });
  }

  /** What belongs to no request, from where the client last read. Who asks again takes it over. */
  listen(reader: Reader): AsyncIterable<StreamEvent> {
    return this.#read(this.#standalone, reader);
  }

  /** What follows the event in its stream. @returns undefined where there is no such stream any more. */
  resume(lastEventId: string, reader: Reader): AsyncIterable<StreamEvent> | undefined {
    const [, key = "", sequence = ""] = /^([a-z0-9]+)-(\d{1,15})$/.exec(lastEventId) ?? [];
    const stream = this.#streams.get(key);
    if (stream === undefined || Number(sequence) > stream.last) return undefined;
    return this.#read(stream, reader, Number(sequence));
  }

  /** Cancels what is under way; who reads comes to the end. Idempotent. */
  close(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#calls.clear();
    for (const stream of this.#streams.values()) stream.end();
    this.#options.budget.add(-this.#bytes);
    this.#bytes = 0;
    this.#port?.close();
    this.#options.onEnd();
  }

  #openStream(sole: SoleAnswer | undefined): EventStream {
    this.#posts += 1;
    const stream = new EventStream(`p${this.#posts}`, () => sole?.giveUp());
    this.#streams.set(stream.key, stream);
    this.#forgetEnded();
    return stream;
  }

  /** Whether the request may go on. The answer to another of its id would not be told from its own. */
  #opens(call: OpenCall, { id }: Request): boolean {
    if (this.#calls.has(id)) {
      const error = {
        code: RpcCode.InvalidRequest,
        reason: "IdInUse",
        message: "a request of the same id is under way",
      };
      this.#push(call.stream, errorOf(id, error), 0);
      return false;
    }
    this.#calls.set(id, call);
    call.together.add(id);
    return true;
  }

  #send(message: Message): void {
    this.#port?.send(message);
    // Nobody answers what was cancelled.
    if (!("method" in message) || message.method !== "notifications/cancelled") return;
    const call = this.#settle(message.params?.requestId as RequestId);
    if (call?.together.size === 0) call.stream.end();
  }

  async *#read(stream: EventStream, reader: Reader, after?: number): AsyncGenerator<StreamEvent, void, undefined> {
    this.#readers += 1;
    try {
      yield* stream.read(reader.signal, after);
    } finally {
      this.#readers -= 1;
    }
  }

  #receive(message: Message, bytes: number): void {
    if (this.#hasEnded) return;
    if (!isAnswer(message)) {
      this.#push(this.#streamFor(message), message, bytes);
      return;
    }
    const call = message.id === undefined ? undefined : this.#settle(message.id);
    if (call === undefined) return;
    if (call.sole?.take(message)) {
      call.stream.end();
      this.#streams.delete(call.stream.key);
      return;
    }
    this.#push(call.stream, message, bytes);
    if (call.together.size === 0) call.stream.end();
  }

  #settle(id: RequestId): OpenCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.together.delete(id);
    return call;
  }

  /**
   * Progress names its call. A request of the server most likely is about the only call that is open; it must be seen, so it
   * goes along with the latest also where the client reads nothing else.
   */
  #streamFor(message: Request | Notification): EventStream {
    if (message.method === "notifications/progress") {
      const token = message.params?.progressToken;
      const call = this.#calls.values().find(({ progressToken }) => progressToken === token);
      return call?.stream ?? this.#standalone;
    }
    if (!isRequest(message) || (this.#calls.size !== 1 && this.#standalone.hasReader)) return this.#standalone;
    return [...this.#calls.values()].at(-1)?.stream ?? this.#standalone;
  }

  /** The oldest goes first, read or not: memory is bounded, whoever reads slowly. */
  #push(stream: EventStream, message: Message, messageBytes: number): void {
    const { budget, limits } = this.#options;
    const bytes = messageBytes + EVENT_BYTES;
    stream.push(message, bytes);
    this.#kept.push(stream);
    this.#bytes += bytes;
    budget.add(bytes);
    while (this.#kept.size > 1 && (this.#bytes > limits.bytes || budget.isExceeded)) {
      const dropped = this.#kept.shift()?.dropOldest() ?? 0;
      this.#bytes -= dropped;
      budget.add(-dropped);
    }
  }

  #forgetEnded(): void {
    const ended = [...this.#streams.values()].filter((stream) => stream.hasEnded);
    for (const { key } of ended.slice(0, -this.#options.limits.endedStreams)) this.#streams.delete(key);
  }
}
