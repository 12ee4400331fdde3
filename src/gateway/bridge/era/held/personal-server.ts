import type { Clock } from "../../../../machinery/clock.ts";
import {
  type Answer,
  errorOf,
  type Fields,
  fieldsOf,
  isAnswer,
  isRequest,
  type Message,
  type Request,
  type RequestId,
  RpcCode,
  resultOf,
} from "../../message.ts";
import { LAST_SESSION_VERSION } from "../../meta-keys.ts";
import type { PortEvents, ServerPort } from "../../server-port.ts";
import { OwnServer, type OwnServerOptions } from "../../stdio/own-server.ts";
import type { OpenChannel } from "../../stdio/server-channel.ts";
import { PersonalListeners } from "./personal-listeners.ts";

export interface PersonalServerOptions extends Pick<OwnServerOptions, "limits" | "onDropped"> {
  readonly clock: Clock;
  /** What a server is told of clients that do not say who they are. */
  readonly clientInfo: { readonly name: string; readonly version: string };
  readonly greetingTimeoutMs: number;
  /** How long the server waits for an answer that no call can ask the client for. */
  readonly deadlineMs: number;
}

/** What a server is told of its client. */
export interface ClientProfile {
  readonly capabilities: Fields;
  readonly clientInfo?: Fields;
}

/** What of the server belongs to one request. */
export interface PersonalCall {
  onAnswer(answer: Answer, bytes: number): void;
  onProgress(params: Fields, bytes: number): void;
}

/** A call whose client can be asked. */
export interface AskableCall extends PersonalCall {
  /** Why not; undefined where it takes the request on. */
  onAsked(request: Request, bytes: number): string | undefined;
  /** The server needs no answer to that any more. */
  onRetracted(id: RequestId): void;
}

interface Waiting {
  readonly request: Request;
  readonly bytes: number;
  readonly cancelTimer: () => void;
}

/** Requests of the server that wait for a call. */
const MOST_WAITING = 16;

/**
 * A server of an earlier revision that one client has for itself, greeted with what that client offers. At most one of its
 * calls can be asked at a time, so there is no doubt whose a request of the server is; what it asks between two calls, as
 * servers do for roots once they are greeted, the next one brings along.
 */
export class PersonalServer {
  readonly #options: PersonalServerOptions;
  readonly #port: OwnServer;
  readonly #calls = new Map<RequestId, PersonalCall>();
  readonly #waiting = new Map<RequestId, Waiting>();
  readonly #listeners: PersonalListeners;
  readonly #onEnd: () => void;
  #askable: AskableCall | undefined;
  #lastId = 0;
  #closedFor: string | undefined;

  constructor(open: OpenChannel, options: PersonalServerOptions, onEnd: () => void) {
    this.#options = options;
    this.#onEnd = onEnd;
    this.#listeners = new PersonalListeners((method, params, onAnswer) => {
      this.request({ jsonrpc: "2.0", id: 0, method, params: { ...params } }, { onAnswer, onProgress: () => undefined });
    });
    const { limits, onDropped } = options;
    this.#port = new OwnServer(
      { open, limits, onDropped, onEnd: () => undefined },
      {
        onMessage: (message, bytes) => this.#receive(message, bytes),
        onClose: (reason) => this.#end(reason),
      },
    );
  }

  get isClosed(): boolean {
    return this.#closedFor !== undefined;
  }

  /** @throws {Error} when the server goes, or does not agree in time; it is closed then. */
  async greet({ capabilities, clientInfo = this.#options.clientInfo }: ClientProfile): Promise<void> {
    const { clock, greetingTimeoutMs } = this.#options;
    const answer = await new Promise<Answer | undefined>((resolve) => {
      const cancelTimer = clock.schedule(greetingTimeoutMs, () => resolve(undefined));
      const params = { protocolVersion: LAST_SESSION_VERSION, capabilities, clientInfo };
      const onAnswer = (given: Answer) => {
        cancelTimer();
        resolve(given);
      };
      this.request({ jsonrpc: "2.0", id: 0, method: "initialize", params }, { onAnswer, onProgress: () => undefined });
    });
    if (answer && "result" in answer) {
      this.#port.send({ jsonrpc: "2.0", method: "notifications/initialized" });
      return;
    }
    this.close();
    throw new Error(
      answer === undefined ? "the server did not answer initialize in time" : "the server refused initialize",
    );
  }

  /** Takes it with the request's progress under a name of its own. @returns that name, by which it can be cancelled. */
  request(request: Request, call: PersonalCall): RequestId {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#calls.set(id, call);
    const meta = fieldsOf(request.params, "_meta");
    const params =
      meta.progressToken === undefined ? request.params : { ...request.params, _meta: { ...meta, progressToken: id } };
    this.#port.send({ ...request, id, ...(params && { params }) });
    return id;
  }

  /** For what belongs to no request. */
  listen(events: PortEvents): ServerPort {
    return this.#listeners.connect(events);
  }

  /** Also gives it what waits already. One at a time: until `unask`. */
  ask(call: AskableCall): void {
    this.#askable = call;
    for (const [id, { request, bytes, cancelTimer }] of [...this.#waiting]) {
      cancelTimer();
      this.#waiting.delete(id);
      this.#offer(request, bytes);
    }
  }

  unask(call: AskableCall): void {
    if (this.#askable === call) this.#askable = undefined;
  }

  /** The server need not answer, so nobody waits for it. */
  cancel(id: RequestId, reason: string): void {
    if (!this.#calls.delete(id)) return;
    this.#port.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, reason } });
  }

  /** What the server asked. */
  answer(id: RequestId, result: Fields): void {
    this.#port.send(resultOf(id, result));
  }

  refuse(id: RequestId, message: string): void {
    this.#port.send(errorOf(id, { code: RpcCode.InvalidRequest, reason: "NotOffered", message }));
  }

  /** Requests under way are answered with errors. */
  close(reason = "the server is no longer needed"): void {
    this.#port.end(reason);
  }

  #receive(message: Message, bytes: number): void {
    if (isAnswer(message)) {
      const call = message.id === undefined ? undefined : this.#calls.get(message.id);
      if (call && message.id !== undefined) this.#calls.delete(message.id);
      call?.onAnswer(message, bytes);
    } else if (isRequest(message)) {
      if (message.method === "ping") this.#port.send(resultOf(message.id));
      else this.#offer(message, bytes);
    } else if (message.method === "notifications/progress") {
      const { progressToken, ...params } = message.params ?? {};
      this.#calls.get(progressToken as RequestId)?.onProgress(params, bytes);
    } else if (message.method === "notifications/cancelled") {
      this.#retracted(message.params?.requestId as RequestId);
    } else {
      this.#listeners.route(message, bytes);
    }
  }

  #offer(request: Request, bytes: number): void {
    const { id } = request;
    if (this.#askable) {
      const refusal = this.#askable.onAsked(request, bytes);
      if (refusal !== undefined) this.refuse(id, refusal);
    } else if (this.#waiting.size >= MOST_WAITING) {
      this.refuse(id, "no call is under way whose client could be asked");
    } else {
      const cancelTimer = this.#options.clock.schedule(this.#options.deadlineMs, () => {
        this.#waiting.delete(id);
        this.refuse(id, "no call came whose client could have been asked");
      });
      this.#waiting.set(id, { request, bytes, cancelTimer });
    }
  }

  #retracted(id: RequestId): void {
    this.#waiting.get(id)?.cancelTimer();
    if (!this.#waiting.delete(id)) this.#askable?.onRetracted(id);
  }

  #end(reason: string): void {
    this.#closedFor = reason;
    for (const { cancelTimer } of this.#waiting.values()) cancelTimer();
    this.#waiting.clear();
    this.#listeners.end(reason);
    this.#onEnd();
  }
}
