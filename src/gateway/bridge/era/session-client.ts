import type { Clock } from "../../../machinery/clock.ts";
import {
  type Answer,
  errorOf,
  type Fields,
  fieldsOf,
  isAnswer,
  isRequest,
  type Message,
  metaOf,
  type Notification,
  type Request,
  type RequestId,
  RpcCode,
  resultOf,
} from "../message.ts";
import { FIRST_STATELESS_VERSION, MetaKey } from "../meta-keys.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { isLoggingLevel } from "../stdio/log-levels.ts";
import { DEFAULT_LIMITS } from "../stdio/multiplexer.ts";
import { inputRoundOf, needsInput } from "./input-rounds.ts";
import { Listening } from "./listening.ts";
import { greetingFrom, sessionAnswer, sessionParams, statelessCapabilities } from "./session-terms.ts";

export interface SessionClientOptions {
  /** The result of the server's `server/discover`. */
  readonly discover: Fields;
  /** A port to the server. What it throws, the constructor throws. */
  readonly connect: (events: PortEvents) => ServerPort;
  readonly clock: Clock;
}

/** A request of the client that has no answer yet. */
interface Call {
  readonly request: Request;
  round: number;
  /** Under what the server works on it now; undefined while the client is asked. */
  serverId: RequestId | undefined;
  /** What the client has been asked, by the ids of our requests. */
  readonly asked: Map<string, string>;
  readonly responses: Map<string, unknown>;
  requestState: string | undefined;
  cancelTimer: () => void;
}

/** People answer, so it may take long. What the SDK's own servers allow. */
const ANSWER_TIMEOUT_MS = 600_000;
/** Before a request is sent again for which the client was asked nothing. What the SDK's clients keep to. */
const PAUSE_MS = 250;
/** Before a subscription that has ended is opened again; twice as long each time that it is refused, up to the latter. */
const LISTEN_AGAIN_MS = 1_000;
const LONGEST_LISTEN_AGAIN_MS = 60_000;
/** Calls of one client: those that wait for it, too, which the server has answered for the time being. */
const MOST_CALLS = DEFAULT_LIMITS.callsPerClient;
/** Resources that a client may be subscribed to. */
const MOST_SUBSCRIPTIONS = 1_024;

/**
 * A client of a revision with sessions on a server of revision 2026-07-28. Its handshake is answered from what the server
 * says of itself, and goes along with each of its requests from then on; what the server asks for inside a result, the client
 * is asked by requests; its subscriptions are one `subscriptions/listen`.
 */
export class SessionClient implements ServerPort {
  readonly #options: SessionClientOptions;
  readonly #events: PortEvents;
  readonly #server: ServerPort;
  readonly #listening: Listening;
  readonly #calls = new Map<RequestId, Call>();
  readonly #byServerId = new Map<RequestId, Call>();
  readonly #asked = new Map<RequestId, Call>();
  readonly #uris = new Set<string>();
  #clientInfo: unknown = { name: "unknown", version: "0" };
  #capabilities: Fields = {};
  #level: string | undefined;
  #cancelListen: () => void = () => undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(options: SessionClientOptions, events: PortEvents) {
    this.#options = options;
    this.#events = events;
    this.#listening = new Listening({
      nextId: () => this.#nextId(),
      open: (id, notifications) => this.#sendAs(id, "subscriptions/listen", { notifications }),
      cancel: (requestId) => this.#notifyServer("notifications/cancelled", { requestId }),
      onEnded: () => this.#listenAgain(LISTEN_AGAIN_MS),
    });
    this.#server = options.connect({
      onMessage: (message, bytes) => this.#fromServer(message, bytes),
      onClose: (reason) => this.#serverGone(reason),
    });
  }

  send(message: Message): void {
    if (this.#isClosed) return;
    if (isAnswer(message)) this.#clientAnswered(message);
    else if (isRequest(message)) this.#clientAsked(message);
    else this.#clientNotified(message);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelListen();
    for (const { cancelTimer } of this.#calls.values()) cancelTimer();
    this.#server.close();
  }

  #reply(answer: Answer, bytes = 0): void {
    if (!this.#isClosed) this.#events.onMessage(answer, bytes);
  }

  #refuse(id: RequestId, code: number, message: string): void {
    this.#reply(errorOf(id, { code, reason: "NotOffered", message }));
  }

  #clientAsked(request: Request): void {
    const { id, method, params } = request;
    switch (method) {
      case "initialize":
        this.#clientInfo = params?.clientInfo ?? this.#clientInfo;
        this.#capabilities = statelessCapabilities(fieldsOf(params, "capabilities"));
        this.#reply(resultOf(id, greetingFrom(this.#options.discover, params?.protocolVersion)));
        return;
      case "ping":
        this.#reply(resultOf(id));
        return;
      case "logging/setLevel":
        this.#setLevel(id, params?.level);
        return;
      case "resources/subscribe":
      case "resources/unsubscribe":
        this.#subscribe(request);
        return;
      default:
        this.#forward(request);
    }
  }

  #setLevel(id: RequestId, level: unknown): void {
    if (fieldsOf(this.#options.discover, "capabilities").logging === undefined) {
      this.#refuse(id, RpcCode.MethodNotFound, "the server does not log to clients");
    } else if (isLoggingLevel(level)) {
      this.#level = level;
      this.#reply(resultOf(id));
    } else {
      this.#refuse(id, RpcCode.InvalidParams, "the level is none of MCP's");
    }
  }

  #subscribe({ id, method, params }: Request): void {
    const uri = params?.uri;
    const adds = method === "resources/subscribe";
    if (typeof uri !== "string") {
      this.#refuse(id, RpcCode.InvalidParams, "the uri is missing, or no text");
      return;
    }
    if (adds && this.#uris.size >= MOST_SUBSCRIPTIONS) {
      this.#refuse(id, RpcCode.Unavailable, "too many resources are subscribed to");
      return;
    }
    if (this.#uris.has(uri) === adds) {
      this.#reply(resultOf(id));
      return;
    }
    if (adds) this.#uris.add(uri);
    else this.#uris.delete(uri);
    this.#listening.listen(this.#filter(), (failure) => {
      if (failure && adds) this.#uris.delete(uri);
      this.#reply(failure ? { jsonrpc: "2.0", id, error: failure } : resultOf(id));
    });
  }

  #filter(): Fields {
    const capabilities = fieldsOf(this.#options.discover, "capabilities");
    const changes = (["tools", "prompts", "resources"] as const)
      .filter((kind) => fieldsOf(capabilities, kind).listChanged === true)
      .map((kind) => [`${kind}ListChanged`, true]);
    return { ...Object.fromEntries(changes), ...(this.#uris.size > 0 && { resourceSubscriptions: [...this.#uris] }) };
  }

  /** The client has its subscriptions for as long as its session; on HTTP the stream that carries them may break. */
  #listenAgain(ms: number): void {
    this.#cancelListen();
    this.#cancelListen = this.#options.clock.schedule(ms, () => {
      const filter = this.#filter();
      if (this.#isClosed || Object.keys(filter).length === 0) return;
      this.#listening.listen(filter, (failure) => {
        if (failure) this.#listenAgain(Math.min(ms * 2, LONGEST_LISTEN_AGAIN_MS));
      });
    });
  }

  #forward(request: Request): void {
    const { id, method } = request;
    if (method.startsWith("tasks/")) {
      this.#refuse(id, RpcCode.MethodNotFound, "the server has no tasks");
      return;
    }
    if (this.#calls.has(id)) {
      this.#refuse(id, RpcCode.InvalidRequest, "a request of the same id is under way");
      return;
    }
    if (this.#calls.size >= MOST_CALLS) {
      const message = "too many requests are under way";
      this.#reply(errorOf(id, { code: RpcCode.Unavailable, reason: "TooManyCalls", message }));
      return;
    }
    const call: Call = {
      ...{ request, round: 0, serverId: undefined, requestState: undefined, cancelTimer: () => undefined },
      ...{ asked: new Map(), responses: new Map() },
    };
    this.#calls.set(id, call);
    this.#sendCall(call);
  }

  #sendCall(call: Call): void {
    const { request, requestState, responses } = call;
    const { task: _, ...params } = request.params ?? {};
    const id = this.#nextId();
    call.serverId = id;
    this.#byServerId.set(id, call);
    this.#sendAs(id, request.method, {
      ...params,
      ...(responses.size > 0 && { inputResponses: Object.fromEntries(responses) }),
      ...(requestState !== undefined && { requestState }),
    });
  }

  #sendAs(id: RequestId, method: string, params: Fields): void {
    const _meta = {
      ...metaOf({ params }),
      [MetaKey.protocolVersion]: FIRST_STATELESS_VERSION,
      [MetaKey.clientInfo]: this.#clientInfo,
      [MetaKey.clientCapabilities]: this.#capabilities,
      ...(this.#level !== undefined && { [MetaKey.logLevel]: this.#level }),
    };
    this.#server.send({ jsonrpc: "2.0", id, method, params: { ...params, _meta } });
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #notifyServer(method: string, params: Fields): void {
    this.#server.send({ jsonrpc: "2.0", method, params });
  }

  #clientNotified({ method, params }: Notification): void {
    if (method === "notifications/initialized") {
      const filter = this.#filter();
      if (Object.keys(filter).length > 0) this.#listening.listen(filter, () => undefined);
    } else if (method === "notifications/cancelled") {
      const call = this.#calls.get(params?.requestId as RequestId);
      if (call) this.#cancel(call, params);
    }
  }

  #cancel(call: Call, params: Fields | undefined): void {
    this.#forget(call);
    if (call.serverId !== undefined)
      this.#notifyServer("notifications/cancelled", { ...params, requestId: call.serverId });
  }

  /** What the client has still been asked for it is taken back. */
  #forget(call: Call): void {
    call.cancelTimer();
    this.#calls.delete(call.request.id);
    if (call.serverId !== undefined) this.#byServerId.delete(call.serverId);
    for (const requestId of call.asked.keys()) {
      this.#asked.delete(requestId);
      if (!this.#isClosed) {
        this.#events.onMessage({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } }, 0);
      }
    }
    call.asked.clear();
  }

  #fromServer(message: Message, bytes: number): void {
    if (this.#isClosed) return;
    if (isAnswer(message)) this.#serverAnswered(message, bytes);
    // Nothing else is asked for but inside results.
    else if (!isRequest(message)) this.#serverNotified(message, bytes);
  }

  #serverNotified(notification: Notification, bytes: number): void {
    const isOfCall = ["notifications/progress", "notifications/message"].includes(notification.method);
    const seen = isOfCall ? notification : this.#listening.received(notification);
    if (seen) this.#events.onMessage(seen, bytes);
  }

  #serverAnswered(answer: Answer, bytes: number): void {
    const call = answer.id === undefined ? undefined : this.#byServerId.get(answer.id);
    if (call === undefined) {
      this.#listening.answered(answer);
      return;
    }
    if (needsInput(answer) && "result" in answer) {
      this.#byServerId.delete(call.serverId ?? "");
      call.serverId = undefined;
      this.#askClient(call, answer.result);
      return;
    }
    this.#forget(call);
    this.#reply({ ...sessionAnswer(answer), id: call.request.id }, bytes);
  }

  #askClient(call: Call, result: Fields): void {
    call.round += 1;
    const round = inputRoundOf(result, this.#capabilities, call.round);
    if ("failure" in round) {
      this.#fail(call, round.failure);
      return;
    }
    call.requestState = round.requestState;
    call.responses.clear();
    if (round.requests.length === 0) {
      call.cancelTimer = this.#options.clock.schedule(PAUSE_MS, () => this.#sendCall(call));
      return;
    }
    call.cancelTimer = this.#options.clock.schedule(ANSWER_TIMEOUT_MS, () => {
      this.#fail(call, "the client did not give what the server asked for in time");
    });
    const questions = round.requests.map(({ key, method, params }) => {
      const id = `slipway-${this.#nextId()}`;
      call.asked.set(id, key);
      this.#asked.set(id, call);
      return { jsonrpc: "2.0" as const, id, method, ...(params && { params: sessionParams(method, params, id) }) };
    });
    for (const question of questions) this.#events.onMessage(question, JSON.stringify(question).length);
  }

  #clientAnswered(answer: Answer): void {
    const id = String(answer.id);
    const call = this.#asked.get(id);
    const key = call?.asked.get(id);
    if (call === undefined || key === undefined) return;
    this.#asked.delete(id);
    call.asked.delete(id);
    if ("error" in answer) {
      this.#fail(call, `the client refused what the server asked for: ${answer.error.message}`);
      return;
    }
    call.responses.set(key, answer.result);
    if (call.asked.size > 0) return;
    call.cancelTimer();
    this.#sendCall(call);
  }

  /** Tools tell of failures in their results, as the model is to read them. */
  #fail(call: Call, message: string): void {
    const { id, method } = call.request;
    this.#forget(call);
    if (method === "tools/call")
      this.#reply(resultOf(id, { content: [{ type: "text", text: message }], isError: true }));
    else this.#reply(errorOf(id, { code: RpcCode.Internal, reason: "InputFailed", message }));
  }

  /** What the server worked on, the port has answered; what waited for the client is answered here. */
  #serverGone(reason: string): void {
    if (this.#isClosed) return;
    for (const call of [...this.#calls.values()]) {
      this.#forget(call);
      this.#reply(errorOf(call.request.id, { code: RpcCode.Unavailable, reason: "UpstreamFailed", message: reason }));
    }
    this.#isClosed = true;
    this.#cancelListen();
    this.#events.onClose(reason);
  }
}
