import {
  type Answer,
  errorOf,
  type Fields,
  fieldsOf,
  isAnswer,
  isFields,
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
import type { CallListener } from "./held/held-call.ts";
import type { OngoingCall, PersonalCalls } from "./held/personal-calls.ts";
import { ResourceListen } from "./resource-listen.ts";

export interface StatelessClientOptions {
  /** The result of the server's `initialize`. */
  readonly initialize: Fields;
  /** A client of the server, that has had its handshake. What it throws, the constructor and `send` throw. */
  readonly connect: (events: PortEvents) => ServerPort;
  /** Where requests go whose server may turn to the client; absent where nobody can be asked. */
  readonly personal?: PersonalCalls | undefined;
  /** A probe wants to know whether the server answers now: `server/discover` asks it first, instead of telling what is known. */
  readonly isProbe?: boolean | undefined;
}

const DISCOVER = "server/discover";

/** Requests that the later revision no longer has. */
const REMOVED: ReadonlySet<string> = new Set([
  ...["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"],
  ...["tasks/get", "tasks/result", "tasks/list", "tasks/cancel"],
]);

/** Their results say how long they may be kept. */
const CACHEABLE: ReadonlySet<string> = new Set([
  ...["tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"],
  DISCOVER,
]);

/** What earlier revisions answer for a resource that is not there; the later one has no code for it. */
const RESOURCE_NOT_FOUND = -32002;
const UNSUPPORTED_VERSION = -32022;

/** Subscriptions of one client at once. */
const MOST_LISTENS = 64;

const ENVELOPE: ReadonlySet<string> = new Set([
  ...[MetaKey.protocolVersion, MetaKey.clientInfo, MetaKey.clientCapabilities, MetaKey.logLevel],
]);

/**
 * A client of revision 2026-07-28 on a server of an earlier one, whose handshake the gateway has had. The server that clients
 * share was told of no sampling, elicitation or roots, so it asks for nothing; who offers one of them has another, and is asked
 * inside results. Logs name no request, so none are offered.
 */
export class StatelessClient implements ServerPort {
  readonly protocolVersion: string | undefined;
  readonly #options: StatelessClientOptions;
  readonly #events: PortEvents;
  readonly #server: ServerPort;
  readonly #methods = new Map<RequestId, string>();
  readonly #listens = new Map<RequestId, ResourceListen>();
  /** Calls on a server of the client's own. */
  readonly #personal = new Map<RequestId, OngoingCall>();
  readonly #meta: Fields;
  readonly #capabilities: Fields;
  #isClosed = false;

  constructor(options: StatelessClientOptions, events: PortEvents) {
    const { logging: _, tasks: _tasks, ...capabilities } = fieldsOf(options.initialize, "capabilities");
    const { serverInfo, protocolVersion } = options.initialize;
    this.protocolVersion = typeof protocolVersion === "string" ? protocolVersion : undefined;
    this.#options = options;
    this.#events = events;
    this.#capabilities = capabilities;
    this.#meta = isFields(serverInfo) ? { [MetaKey.serverInfo]: serverInfo } : {};
    this.#server = options.connect({
      onMessage: (message, bytes) => this.#receive(message, bytes),
      onClose: (reason) => {
        if (!this.#isClosed) events.onClose(reason);
      },
    });
  }

  send(message: Message): void {
    if (this.#isClosed) return;
    if (isRequest(message)) this.#asked(message);
    else if (!isAnswer(message)) this.#notified(message);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listen of this.#listens.values()) listen.close();
    for (const call of this.#personal.values()) call.cancel("the client is gone");
    this.#server.close();
  }

  #asked(request: Request): void {
    const { id, method } = request;
    const refusal = refusalOf(request);
    if (refusal) this.#emit(refusal, 0);
    else if (this.#methods.has(id) || this.#listens.has(id)) this.#emit(inUse(id), 0);
    else if (method === DISCOVER) this.#discover(id);
    else if (method === "subscriptions/listen") this.#listen(request);
    else {
      this.#methods.set(id, method);
      this.#forward(request);
    }
  }

  #discover(id: RequestId): void {
    if (!this.#options.isProbe) {
      this.#emit(resultOf(id, this.#discovered()), 0);
      return;
    }
    this.#methods.set(id, DISCOVER);
    this.#server.send({ jsonrpc: "2.0", id, method: "ping" });
  }

  #forward(request: Request): void {
    const { personal } = this.#options;
    const { id } = request;
    const meta = metaOf(request);
    const bare = withoutEnvelope(request);
    if (!personal?.takes(bare, meta)) {
      const { requestState, inputResponses: _, ...params } = bare.params ?? {};
      if (requestState === undefined) this.#server.send({ ...bare, params });
      else this.#answered(unknownState(id), 0);
      return;
    }
    const call = personal.begin(bare, meta, this.#listenerOf(bare));
    if (this.#methods.has(id)) this.#personal.set(id, call);
  }

  #listenerOf(request: Request): CallListener {
    const { id } = request;
    const { progressToken } = metaOf(request);
    return {
      onProgress: (params, bytes) => {
        if (progressToken === undefined) return;
        this.#emit({ jsonrpc: "2.0", method: "notifications/progress", params: { ...params, progressToken } }, bytes);
      },
      onAnswer: (answer, bytes) => {
        this.#personal.delete(id);
        this.#answered({ ...answer, id }, bytes);
      },
      onInput: (inputRequests, requestState, bytes) => {
        this.#personal.delete(id);
        this.#methods.delete(id);
        const result = { resultType: "input_required", inputRequests, requestState, _meta: this.#meta };
        this.#emit(resultOf(id, result), bytes);
      },
    };
  }

  #discovered(): Fields {
    const { instructions } = this.#options.initialize;
    const said = { supportedVersions: [FIRST_STATELESS_VERSION], capabilities: this.#capabilities };
    return this.#complete(DISCOVER, { ...said, ...(instructions !== undefined && { instructions }) });
  }

  #complete(method: string, result: Fields): Fields {
    const cache = CACHEABLE.has(method) ? { ttlMs: 0, cacheScope: "private" } : {};
    return { ...result, ...cache, resultType: "complete", _meta: { ...this.#meta, ...fieldsOf(result, "_meta") } };
  }

  #listen(request: Request): void {
    const { id, params } = request;
    const { personal, connect } = this.#options;
    const meta = metaOf(request);
    const filter = params?.notifications;
    if (!isFields(filter)) {
      const message = "params.notifications is missing, or no filter";
      this.#emit(errorOf(id, { code: RpcCode.InvalidParams, reason: "InvalidParams", message }), 0);
      return;
    }
    if (this.#listens.size >= MOST_LISTENS) {
      const message = "the client has too many subscriptions";
      this.#emit(errorOf(id, { code: RpcCode.Internal, reason: "TooManySubscriptions", message }), 0);
      return;
    }
    let hasEnded = false;
    const listen = new ResourceListen({
      ...{ id, filter, capabilities: this.#capabilities, meta: this.#meta },
      connect: personal?.takes(request, meta) ? (events) => personal.listen(meta, events) : connect,
      send: (message, bytes) => {
        hasEnded = isAnswer(message);
        if (hasEnded) this.#listens.delete(id);
        this.#emit(message, bytes);
      },
    });
    if (!hasEnded) this.#listens.set(id, listen);
  }

  #notified({ method, params }: Notification): void {
    if (method !== "notifications/cancelled") return;
    const id = params?.requestId as RequestId;
    this.#methods.delete(id);
    this.#listens.get(id)?.close();
    this.#personal.get(id)?.cancel("the client has cancelled it");
    if (this.#listens.delete(id) || this.#personal.delete(id)) return;
    this.#server.send({ jsonrpc: "2.0", method, ...(params && { params }) });
  }

  #receive(message: Message, bytes: number): void {
    if (isAnswer(message)) this.#answered(message, bytes);
    else if (message.method === "notifications/progress") this.#emit(message, bytes);
  }

  #answered(answer: Answer, bytes: number): void {
    const method = answer.id === undefined ? undefined : this.#methods.get(answer.id);
    if (answer.id === undefined || method === undefined) return;
    this.#methods.delete(answer.id);
    if (method === DISCOVER && isItsOwn(answer)) {
      this.#emit(resultOf(answer.id, this.#discovered()), bytes);
    } else if ("result" in answer) {
      this.#emit(resultOf(answer.id, this.#complete(method, answer.result)), bytes);
    } else {
      const { code } = answer.error;
      const known = code === RESOURCE_NOT_FOUND ? RpcCode.InvalidParams : code;
      this.#emit({ ...answer, error: { ...answer.error, code: known } }, bytes);
    }
  }

  #emit(message: Message, bytes: number): void {
    if (!this.#isClosed) this.#events.onMessage(message, bytes);
  }
}

/** Whether a server has answered `ping`, which some do not know. */
function isItsOwn(answer: Answer): boolean {
  return "result" in answer || answer.error.code === RpcCode.MethodNotFound;
}

function refusalOf(request: Request): Answer | undefined {
  const { id, method } = request;
  const meta = metaOf(request);
  const requested = meta[MetaKey.protocolVersion];
  if (typeof requested !== "string" || !isFields(meta[MetaKey.clientCapabilities])) {
    const message = "_meta lacks the protocol version or the client's capabilities";
    return errorOf(id, { code: RpcCode.InvalidParams, reason: "InvalidParams", message });
  }
  if (requested !== FIRST_STATELESS_VERSION) {
    const data = { supported: [FIRST_STATELESS_VERSION], requested };
    return { jsonrpc: "2.0", id, error: { code: UNSUPPORTED_VERSION, message: "Unsupported protocol version", data } };
  }
  if (!REMOVED.has(method)) return undefined;
  return errorOf(id, { code: RpcCode.MethodNotFound, reason: "NotOffered", message: `there is no ${method} any more` });
}

function inUse(id: RequestId): Answer {
  const message = "a request of the same id is under way";
  return errorOf(id, { code: RpcCode.InvalidRequest, reason: "IdInUse", message });
}

/** Nobody was asked here, so no state was handed out. */
function unknownState(id: RequestId): Answer {
  const message = "the requestState is none of this server's; call again without it";
  return errorOf(id, { code: RpcCode.InvalidParams, reason: "InvalidRequestState", message });
}

function withoutEnvelope(request: Request): Request {
  const rest = Object.entries(metaOf(request)).filter(([key]) => !ENVELOPE.has(key));
  const { _meta: _, ...params } = request.params ?? {};
  return { ...request, params: rest.length === 0 ? params : { ...params, _meta: Object.fromEntries(rest) } };
}
