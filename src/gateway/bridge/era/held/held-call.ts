import type { Answer, Fields, Request, RequestId } from "../../message.ts";
import { inputRefusal } from "../input-rounds.ts";
import type { HeldCalls, Holdable } from "./held-calls.ts";
import type { AskableCall } from "./personal-server.ts";
import type { Lease } from "./personal-servers.ts";

/** A client that waits for what becomes of its request. After an answer or a round of input nothing more comes. */
export interface CallListener {
  onProgress(params: Fields, bytes: number): void;
  /** As the server gave it. */
  onAnswer(answer: Answer, bytes: number): void;
  /** The server needs these; the call goes on when they come with the state. */
  onInput(inputRequests: Fields, requestState: string, bytes: number): void;
}

export interface HeldCallOptions {
  readonly owner: string;
  readonly digest: string;
  readonly request: Request;
  /** What the server was told of the client. */
  readonly capabilities: Fields;
  readonly lease: Lease;
  readonly held: HeldCalls<HeldCall>;
}

interface Ask {
  readonly id: RequestId;
  readonly method: string;
  readonly params: Fields | undefined;
  readonly bytes: number;
}

/** Questions of one call that have no answer. */
const MOST_ASKS = 32;
const GIVEN_UP = "the client did not give what it was asked for in time";

/**
 * One call on a server that asks by requests, for a client that is asked inside results. While the client gathers what it was
 * asked for there is no request of its own: the call is held, and goes on with the request that brings the state back. What
 * the server answers meanwhile is kept for that.
 */
export class HeldCall implements Holdable, AskableCall {
  readonly owner: string;
  readonly digest: string;
  readonly #options: HeldCallOptions;
  /** By the keys that the client is told. */
  readonly #asks = new Map<string, Ask>();
  /** Present while a request of the client waits. */
  #listener: CallListener | undefined;
  #outcome: { readonly answer: Answer; readonly bytes: number } | undefined;
  #serverId: RequestId | undefined;
  #lastKey = 0;
  #hasLease = true;

  constructor(options: HeldCallOptions, listener: CallListener) {
    this.#options = options;
    this.owner = options.owner;
    this.digest = options.digest;
    this.#listener = listener;
    const { server } = options.lease;
    this.#serverId = server.request(options.request, this);
    // It may have been refused at once.
    if (this.#hasLease) server.ask(this);
  }

  /** With what the client was asked for; the rest it is asked for again. The call must not be held any more. */
  resume(responses: Fields, listener: CallListener): void {
    this.#listener = listener;
    const { server } = this.#options.lease;
    for (const [key, { id }] of [...this.#asks]) {
      const response = responses[key];
      if (response === undefined) continue;
      this.#asks.delete(key);
      const { resultType: _, ...result } = response as Fields;
      server.answer(id, result);
    }
    if (this.#outcome) this.#settle(this.#outcome.answer, this.#outcome.bytes);
    else this.#askSoon();
  }

  /** The client is gone, and with it the call. */
  cancel(reason: string): void {
    this.#listener = undefined;
    this.#giveUp(reason);
  }

  expire(): void {
    this.#giveUp(GIVEN_UP);
  }

  onProgress(params: Fields, bytes: number): void {
    this.#listener?.onProgress(params, bytes);
  }

  onAnswer(answer: Answer, bytes: number): void {
    if (this.#listener) {
      this.#settle(answer, bytes);
      return;
    }
    const { held } = this.#options;
    this.#outcome = { answer, bytes };
    if (!held.grow(this, bytes)) {
      held.release(this);
      this.#outcome = undefined;
    }
    this.#release(true);
  }

  onAsked({ id, method, params }: Request, bytes: number): string | undefined {
    const refusal = inputRefusal(method, params, this.#options.capabilities);
    if (refusal !== undefined) return refusal;
    if (this.#asks.size >= MOST_ASKS) return "the client has not answered enough";
    if (this.#listener === undefined && !this.#options.held.grow(this, bytes))
      return "too much is kept for calls that wait";
    this.#lastKey += 1;
    this.#asks.set(`input-${this.#lastKey}`, { id, method, params, bytes });
    this.#askSoon();
    return undefined;
  }

  onRetracted(id: RequestId): void {
    for (const [key, ask] of this.#asks) if (ask.id === id) this.#asks.delete(key);
  }

  /** What comes at once is asked for at once. */
  #askSoon(): void {
    queueMicrotask(() => {
      if (this.#listener && this.#asks.size > 0) this.#askClient();
    });
  }

  #askClient(): void {
    const bytes = [...this.#asks.values()].reduce((sum, ask) => sum + ask.bytes, 0);
    const state = this.#options.held.hold(this, bytes);
    if (state === undefined) {
      this.#refuseAll("too many calls wait for input already");
      return;
    }
    const requests = [...this.#asks].map(([key, { method, params }]) => [key, { method, ...(params && { params }) }]);
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onInput(Object.fromEntries(requests), state, bytes);
  }

  #settle(answer: Answer, bytes: number): void {
    const listener = this.#listener;
    this.#listener = undefined;
    // What was asked for a call that has ended is not asked any more.
    this.#refuseAll("the call has ended");
    this.#release(true);
    listener?.onAnswer(answer, bytes);
  }

  #giveUp(reason: string): void {
    this.#refuseAll(reason);
    if (this.#serverId !== undefined) this.#options.lease.server.cancel(this.#serverId, reason);
    // Whatever it still asks would pass for a question of the next call.
    this.#release(false);
  }

  #refuseAll(reason: string): void {
    for (const { id } of this.#asks.values()) this.#options.lease.server.refuse(id, reason);
    this.#asks.clear();
  }

  #release(isReusable: boolean): void {
    if (!this.#hasLease) return;
    this.#hasLease = false;
    this.#options.lease.server.unask(this);
    this.#options.lease.release(isReusable);
  }
}
