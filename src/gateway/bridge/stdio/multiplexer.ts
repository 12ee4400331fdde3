import {
  type Answer,
  errorOf,
  type Fields,
  isAnswer,
  isFields,
  isNotification,
  isRequest,
  type Message,
  type Notification,
  type Request,
  type RequestId,
  RpcCode,
  type RpcError,
  resultOf,
} from "../message.ts";
import { MetaKey } from "../meta-keys.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { type Call, Calls } from "./calls.ts";
import type { OpenChannel, ServerChannel } from "./server-channel.ts";

export interface MultiplexerLimits {
  /** Requests under way, of all clients and of one. */
  readonly calls: number;
  readonly callsPerClient: number;
  /** What the process may leave unread before requests are refused. */
  readonly backlogBytes: number;
  readonly clients: number;
}

export const DEFAULT_LIMITS: MultiplexerLimits = {
  calls: 4_096,
  callsPerClient: 256,
  backlogBytes: 64 * 1024 * 1024,
  clients: 4_096,
};

/** Why a message went nowhere: of the server, or to one that does not read (`Unread`). */
export type DropReason = "InvalidLine" | "LateAnswer" | "Unattributed" | "Unread";

export interface MultiplexerOptions {
  readonly open: OpenChannel;
  readonly limits: MultiplexerLimits;
  readonly onDropped: (reason: DropReason) => void;
  /** Called once, when the process is gone. */
  readonly onClose: (reason: string) => void;
}

/** A client among others. */
export interface Client extends PortEvents {
  isClosed: boolean;
}

/** What of the protocol is not the same in both eras: messages that are about the connection, which the clients share. */
export interface Manners {
  /** Whether it took the request on itself. */
  request(client: Client, request: Request): boolean;
  /** Whether the server is to have it. */
  passes(notification: Notification): boolean;
  /** To whom it belongs, as these are to see it. */
  route(notification: Notification): Iterable<readonly [Client, Notification]>;
  /** The answer to the server's own request; undefined: this is not for a client to answer. */
  answer(request: Request): Fields | undefined;
  left(client: Client): void;
}

/**
 * One process serves many clients that do not know of each other. Requests go out under ids of our own and come back under
 * the client's; what belongs to a request follows it; what belongs to nobody is dropped and counted.
 */
export class Multiplexer {
  readonly #options: MultiplexerOptions;
  readonly #channel: ServerChannel;
  readonly #clients = new Set<Client>();
  readonly #calls = new Calls<Client | undefined>();
  #manners: Manners = UNACQUAINTED;
  #closedFor: string | undefined;
  #lastOwnId = 0;

  constructor(options: MultiplexerOptions) {
    this.#options = options;
    this.#channel = options.open({
      onMessage: (message, bytes) => this.#receive(message, bytes),
      onInvalid: () => options.onDropped("InvalidLine"),
      onClose: (reason) => this.#end(reason),
    });
  }

  /** Why the process is gone, once it is. */
  get closedFor(): string | undefined {
    return this.#closedFor;
  }

  get clients(): ReadonlySet<Client> {
    return this.#clients;
  }

  get callsUnderWay(): number {
    return this.#calls.size;
  }

  behave(manners: Manners): void {
    this.#manners = manners;
  }

  /** @returns undefined where there are as many clients as may be, or the process is gone. */
  connect(events: PortEvents): ServerPort | undefined {
    if (this.#closedFor !== undefined || this.#clients.size >= this.#options.limits.clients) return undefined;
    const client: Client = {
      isClosed: false,
      onMessage: (message, bytes) => {
        if (!client.isClosed) events.onMessage(message, bytes);
      },
      onClose: (reason) => {
        if (!client.isClosed) events.onClose(reason);
      },
    };
    this.#clients.add(client);
    return {
      send: (message) => this.#send(client, message),
      close: () => this.#leave(client),
    };
  }

  /** Ends the process's input. Clients are told. */
  close(reason: string): void {
    this.#channel.close();
    this.#end(reason);
  }

  /** A request of the gateway itself. Answered with an error when the process goes. */
  ask(method: string, params: Fields, onAnswer: (answer: Answer) => void): () => void {
    this.#lastOwnId += 1;
    const request: Request = { jsonrpc: "2.0", id: this.#lastOwnId, method, params };
    if (this.#closedFor !== undefined) onAnswer(errorOf(request.id, gone(this.#closedFor)));
    else if (this.#isStalled) onAnswer(errorOf(request.id, STALLED));
    else this.#channel.send(this.#calls.add(undefined, request, onAnswer));
    return () => this.#cancel(undefined, request.id, undefined);
  }

  notify(method: string, params?: Fields): void {
    this.#tell({ jsonrpc: "2.0", method, ...(params && { params }) });
  }

  /** A client's request, which the server answers; the client gets what `seen` makes of that. */
  forward(client: Client, request: Request, seen: (answer: Answer) => Answer = (answer) => answer): void {
    const refusal = this.#refusalOf(client, request);
    if (refusal) reply(client, errorOf(request.id, refusal));
    else this.#channel.send(this.#calls.add(client, request, (answer, bytes) => client.onMessage(seen(answer), bytes)));
  }

  #refusalOf(client: Client, { id }: Request): RpcError | undefined {
    const { limits } = this.#options;
    const own = this.#calls.ofOwner(client);
    if (own.has(id)) {
      return { code: RpcCode.InvalidRequest, reason: "IdInUse", message: "a request of the same id is under way" };
    }
    if (own.size >= limits.callsPerClient || this.#calls.size >= limits.calls) {
      return { code: RpcCode.Unavailable, reason: "TooManyCalls", message: "too many requests are under way" };
    }
    return this.#isStalled ? STALLED : undefined;
  }

  #send(client: Client, message: Message): void {
    if (client.isClosed) return;
    if (this.#closedFor !== undefined) {
      if (isRequest(message)) reply(client, errorOf(message.id, gone(this.#closedFor)));
    } else if (isRequest(message)) {
      if (!this.#manners.request(client, message)) this.forward(client, message);
    } else if (isNotification(message)) {
      this.#notified(client, message);
    } else {
      // No client was asked anything.
      this.#options.onDropped("Unattributed");
    }
  }

  #notified(client: Client, notification: Notification): void {
    const { method, params } = notification;
    if (method === "notifications/cancelled") {
      const { requestId } = params ?? {};
      if (typeof requestId === "string" || typeof requestId === "number") this.#cancel(client, requestId, params);
    } else if (this.#manners.passes(notification)) {
      this.#tell(notification);
    }
  }

  /** What nobody waits for the answer of. A process that asks and asks and reads nothing must not fill our memory with answers. */
  #tell(message: Message): void {
    if (this.#isStalled) this.#options.onDropped("Unread");
    else this.#channel.send(message);
  }

  get #isStalled(): boolean {
    return this.#channel.backlogBytes > this.#options.limits.backlogBytes;
  }

  /** The server need not answer what was cancelled, so nobody waits for it. */
  #cancel(owner: Client | undefined, id: RequestId, params: Fields | undefined): void {
    const call = this.#calls.ofOwner(owner).get(id);
    if (call === undefined) return;
    this.#calls.remove(call);
    this.notify("notifications/cancelled", { ...params, requestId: call.serverId });
  }

  #leave(client: Client): void {
    if (client.isClosed) return;
    client.isClosed = true;
    this.#clients.delete(client);
    if (this.#closedFor !== undefined) return;
    for (const id of [...this.#calls.ofOwner(client).keys()])
      this.#cancel(client, id, { reason: "the client is gone" });
    this.#manners.left(client);
  }

  #receive(message: Message, bytes: number): void {
    if (isAnswer(message)) this.#answered(message, bytes);
    else if (isRequest(message)) this.#asked(message);
    else if (message.method === "notifications/progress") this.#progressed(message, bytes);
    else this.#routed(message, bytes);
  }

  #answered(answer: Answer, bytes: number): void {
    const call = this.#calls.get(answer.id);
    if (call === undefined) {
      this.#options.onDropped("LateAnswer");
      return;
    }
    this.#calls.remove(call);
    call.onAnswer(underOwnId(answer, call), bytes);
  }

  #progressed(notification: Notification, bytes: number): void {
    const call = this.#calls.get(notification.params?.progressToken);
    if (call?.owner === undefined || call.progressToken === undefined) {
      this.#options.onDropped("Unattributed");
      return;
    }
    const params = { ...notification.params, progressToken: call.progressToken };
    call.owner.onMessage({ ...notification, params }, bytes);
  }

  #routed(notification: Notification, bytes: number): void {
    let isWanted = false;
    for (const [client, seen] of this.#manners.route(notification)) {
      isWanted = true;
      client.onMessage(seen, bytes);
    }
    if (!isWanted) this.#options.onDropped("Unattributed");
  }

  #asked(request: Request): void {
    const result = this.#manners.answer(request);
    if (result) {
      this.#tell(resultOf(request.id, result));
      return;
    }
    this.#options.onDropped("Unattributed");
    const message = `no client that shares this process can be asked for ${request.method}`;
    this.#tell(errorOf(request.id, { code: RpcCode.MethodNotFound, reason: "NotOffered", message }));
  }

  #end(reason: string): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = reason;
    for (const { id, onAnswer } of this.#calls.takeAll()) onAnswer(errorOf(id, gone(reason)), 0);
    const clients = [...this.#clients];
    this.#clients.clear();
    for (const client of clients) client.onClose(reason);
    this.#options.onClose(reason);
  }

  /** The call that a listen request opened, by what the server calls it. */
  callOf(serverId: unknown): Call<Client | undefined> | undefined {
    return this.#calls.get(serverId);
  }
}

/** Before the server has said what it speaks, it serves nobody. */
const UNACQUAINTED: Manners = {
  request: () => false,
  passes: () => false,
  route: () => [],
  answer: ({ method }) => (method === "ping" ? {} : undefined),
  left: () => undefined,
};

const STALLED: RpcError = {
  code: RpcCode.Unavailable,
  reason: "ServerStalled",
  message: "the server does not read its input",
};

export function reply(client: Client, answer: Answer): void {
  client.onMessage(answer, 0);
}

function gone(message: string): RpcError {
  return { code: RpcCode.Unavailable, reason: "UpstreamFailed", message };
}

/** The last answer of a subscription names it once more in `_meta`. */
function underOwnId(answer: Answer, { serverId, id }: Call<unknown>): Answer {
  if (!("result" in answer)) return { ...answer, id };
  const { _meta } = answer.result;
  if (!isFields(_meta) || _meta[MetaKey.subscriptionId] !== serverId) return { ...answer, id };
  return { ...answer, id, result: { ...answer.result, _meta: { ..._meta, [MetaKey.subscriptionId]: id } } };
}
