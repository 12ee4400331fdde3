import {
  type Answer,
  errorOf,
  isAnswer,
  isRequest,
  type Message,
  type Notification,
  type Request,
  type RequestId,
  RpcCode,
} from "../message.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import type { DropReason, MultiplexerLimits } from "./multiplexer.ts";
import type { OpenChannel, ServerChannel } from "./server-channel.ts";

export interface OwnServerOptions {
  readonly open: OpenChannel;
  readonly limits: Pick<MultiplexerLimits, "callsPerClient" | "backlogBytes">;
  readonly onDropped: (reason: DropReason) => void;
  /** Called once, whoever ended it. */
  readonly onEnd: () => void;
}

/**
 * A process that one client has for itself: everything goes through as it is, the handshake and the server's requests too.
 * It ends with the client.
 */
export class OwnServer implements ServerPort {
  readonly #options: OwnServerOptions;
  readonly #events: PortEvents;
  readonly #channel: ServerChannel;
  /** Requests of the client that have no answer, and those of the server. */
  readonly #calls = new Set<RequestId>();
  readonly #asked = new Set<RequestId>();
  #closedFor: string | undefined;

  constructor(options: OwnServerOptions, events: PortEvents) {
    this.#options = options;
    this.#events = events;
    this.#channel = options.open({
      onMessage: (message, bytes) => this.#receive(message, bytes),
      onInvalid: () => options.onDropped("InvalidLine"),
      onClose: (reason) => this.end(reason),
    });
  }

  send(message: Message): void {
    if (isRequest(message)) this.#request(message);
    else if (this.#closedFor !== undefined) return;
    else if (isAnswer(message)) this.#answer(message);
    else this.#notify(message);
  }

  close(): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = "the client is gone";
    this.#channel.close();
    this.#options.onEnd();
  }

  /** The client is told. */
  end(reason: string): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = reason;
    this.#channel.close();
    for (const id of this.#calls) this.#refuse(id, "UpstreamFailed", reason);
    this.#calls.clear();
    this.#events.onClose(reason);
    this.#options.onEnd();
  }

  #request(request: Request): void {
    const { callsPerClient } = this.#options.limits;
    const { id } = request;
    if (this.#closedFor !== undefined) this.#refuse(id, "UpstreamFailed", this.#closedFor);
    else if (this.#calls.has(id)) this.#refuse(id, "IdInUse", "a request of the same id is under way");
    else if (this.#calls.size >= callsPerClient) this.#refuse(id, "TooManyCalls", "too many requests are under way");
    else if (this.#isStalled) {
      this.#refuse(id, "ServerStalled", "the server does not read its input");
    } else {
      this.#calls.add(id);
      this.#channel.send(request);
    }
  }

  #refuse(id: RequestId, reason: string, message: string): void {
    const code = reason === "IdInUse" ? RpcCode.InvalidRequest : RpcCode.Unavailable;
    this.#events.onMessage(errorOf(id, { code, reason, message }), 0);
  }

  #notify(notification: Notification): void {
    const { method, params } = notification;
    // The server need not answer what was cancelled.
    if (method === "notifications/cancelled") this.#calls.delete(params?.requestId as RequestId);
    this.#tell(notification);
  }

  #answer(answer: Answer): void {
    if (answer.id !== undefined && this.#asked.delete(answer.id)) this.#tell(answer);
    else this.#options.onDropped("LateAnswer");
  }

  /** What nobody waits for the answer of: a server that reads nothing is not kept more and more for. */
  #tell(message: Message): void {
    if (this.#isStalled) this.#options.onDropped("Unread");
    else this.#channel.send(message);
  }

  get #isStalled(): boolean {
    return this.#channel.backlogBytes > this.#options.limits.backlogBytes;
  }

  #receive(message: Message, bytes: number): void {
    if (this.#closedFor !== undefined) return;
    if (isAnswer(message)) {
      if (message.id === undefined || !this.#calls.delete(message.id)) {
        this.#options.onDropped("LateAnswer");
        return;
      }
    } else if (isRequest(message)) {
      if (this.#asked.size >= this.#options.limits.callsPerClient) {
        const error = {
          code: RpcCode.Unavailable,
          reason: "TooManyCalls",
          message: "the client has not answered enough",
        };
        this.#tell(errorOf(message.id, error));
        return;
      }
      this.#asked.add(message.id);
    } else if (message.method === "notifications/cancelled") {
      this.#asked.delete(message.params?.requestId as RequestId);
    }
    this.#events.onMessage(message, bytes);
  }
}
