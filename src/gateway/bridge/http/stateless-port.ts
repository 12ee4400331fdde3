import {
  type Answer,
  errorOf,
  isAnswer,
  isRequest,
  type Message,
  type Request,
  type RequestId,
  RpcCode,
} from "../message.ts";
import { FIRST_STATELESS_VERSION } from "../meta-keys.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { type HttpAnswer, type HttpRequest, RequestFailed } from "./http-request.ts";
import type { ParamHeaders } from "./param-headers.ts";
import { failureAnswer, noAnswer, underId } from "./posted-request.ts";
import { LONGEST_CALL_BYTES, readAnswer } from "./read-answer.ts";

export interface StatelessPortOptions {
  readonly request: HttpRequest;
  /** Path and query of the MCP endpoint. */
  readonly path: string;
  /** Of all ports to the server. */
  readonly params: ParamHeaders;
}

/** Requests of one client under way. */
const MOST_CALLS = 256;
/** Of a list of tools that is read for what its schemas say. */
const MOST_PAGES = 64;
/** Header and body do not say the same: also where an argument was to go along in a header. */
const HEADER_MISMATCH = -32020;
const LISTEN = "subscriptions/listen";

/** A server of revision 2026-07-28 that listens, as one client has it: each request is a POST, and ends when that does. */
export class StatelessPort implements ServerPort {
  readonly #options: StatelessPortOptions;
  readonly #events: PortEvents;
  readonly #open = new Map<RequestId, AbortController>();
  #isClosed = false;

  constructor(options: StatelessPortOptions, events: PortEvents) {
    this.#options = options;
    this.#events = events;
  }

  send(message: Message): void {
    if (this.#isClosed) return;
    if (isRequest(message)) this.#ask(message);
    // Whoever stops reading an answer has cancelled; nothing else is told by clients.
    else if (!isAnswer(message) && message.method === "notifications/cancelled") {
      this.#cancel(message.params?.requestId as RequestId);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const gone of this.#open.values()) gone.abort();
    this.#open.clear();
  }

  /** The client is told: requests under way are answered with errors. */
  end(reason: string): void {
    if (this.#isClosed) return;
    const ids = [...this.#open.keys()];
    this.close();
    const failure = new RequestFailed("UpstreamFailed", reason);
    for (const id of ids) this.#events.onMessage(failureAnswer(id, failure), 0);
    this.#events.onClose(reason);
  }

  #cancel(id: RequestId): void {
    const gone = this.#open.get(id);
    this.#open.delete(id);
    gone?.abort();
  }

  #ask(request: Request): void {
    const { id } = request;
    if (this.#open.has(id)) {
      this.#refuse(id, {
        code: RpcCode.InvalidRequest,
        reason: "IdInUse",
        message: "a request of the same id is under way",
      });
    } else if (this.#open.size >= MOST_CALLS) {
      this.#refuse(id, {
        code: RpcCode.Unavailable,
        reason: "TooManyCalls",
        message: "too many requests are under way",
      });
    } else {
      const gone = new AbortController();
      this.#open.set(id, gone);
      void this.#exchange(request, gone.signal);
    }
  }

  #refuse(id: RequestId, error: Parameters<typeof errorOf>[1]): void {
    this.#events.onMessage(errorOf(id, error), 0);
  }

  async #exchange(request: Request, signal: AbortSignal): Promise<void> {
    const { id, method } = request;
    const isTool = method === "tools/call";
    try {
      let answered = await this.#post(request, signal, !isTool);
      if (answered !== undefined && "error" in answered && answered.error.code === HEADER_MISMATCH) {
        // The tool's schema says which arguments go along in headers, and it was not known, or has changed.
        await this.#learnTools(request, signal);
        answered = await this.#post(request, signal, false);
      }
      if (answered !== undefined) this.#settle(answered);
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      if (this.#open.delete(id) && !signal.aborted) this.#events.onMessage(failureAnswer(id, error), 0);
    }
  }

  /** Passes on what comes. @returns the answer where it is still to be passed on. @throws {RequestFailed} where there is none. */
  async #post(request: Request, signal: AbortSignal, passes: boolean): Promise<Answer | undefined> {
    const answer = await this.#send(request, signal);
    const { id, method } = request;
    let kept: Answer | undefined;
    await readAnswer(
      answer,
      {
        onMessage: (message, bytes) => {
          const named = underId(message, id);
          if (!this.#open.has(id) || kept) return;
          if (!isAnswer(named)) this.#events.onMessage(named, bytes);
          else if (named.id !== id) return;
          else if (passes || "result" in named) this.#settle(named, bytes, method);
          else kept = named;
        },
      },
      method === LISTEN ? Number.POSITIVE_INFINITY : LONGEST_CALL_BYTES,
    );
    if (kept === undefined && this.#open.has(id)) throw noAnswer(answer);
    return kept;
  }

  #settle(answer: Answer, bytes = 0, method?: string): void {
    if (answer.id === undefined || !this.#open.delete(answer.id)) return;
    if (method === "tools/list" && "result" in answer) this.#options.params.learn(answer.result);
    this.#events.onMessage(answer, bytes);
  }

  async #learnTools({ params }: Request, signal: AbortSignal): Promise<void> {
    let cursor: unknown;
    for (let page = 0; page < MOST_PAGES && (page === 0 || typeof cursor === "string"); page += 1) {
      const asked = { _meta: params?._meta, ...(typeof cursor === "string" && { cursor }) };
      const answer = await this.#send({ jsonrpc: "2.0", id: 0, method: "tools/list", params: asked }, signal);
      cursor = undefined;
      await readAnswer(answer, {
        onMessage: (message) => {
          if (!isAnswer(message) || !("result" in message)) return;
          this.#options.params.learn(message.result);
          cursor = message.result.nextCursor;
        },
      });
    }
  }

  #send(message: Request, signal: AbortSignal): Promise<HttpAnswer> {
    const { request, path, params } = this.#options;
    const headers = {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": FIRST_STATELESS_VERSION,
      ...params.headersFor(message.method, message.params),
    };
    const isCall = message.method !== LISTEN;
    return request({ method: "POST", path, headers, body: JSON.stringify(message), signal, isCall });
  }
}
