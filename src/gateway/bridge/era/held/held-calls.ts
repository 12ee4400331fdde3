import { randomBytes } from "node:crypto";
import type { Clock } from "../../../../machinery/clock.ts";
import { RequestStates } from "./request-state.ts";

export interface HeldLimits {
  /** Calls that wait for their client, of one owner and of all. */
  readonly perOwner: number;
  readonly inAll: number;
  /** What is kept for them together. */
  readonly bytes: number;
  /** How long one waits before it is given up. People answer, so it is minutes. */
  readonly deadlineMs: number;
}

export const DEFAULT_HELD_LIMITS: HeldLimits = {
  perOwner: 16,
  inAll: 256,
  bytes: 64 * 1024 * 1024,
  deadlineMs: 300_000,
};

/** A call that its client is to take up again. */
export interface Holdable {
  readonly owner: string;
  /** Of the request that began it. */
  readonly digest: string;
  /** Nobody came: what the server waits for is refused. Called once, and then the call is held no more. */
  expire(): void;
}

interface Entry<Call> {
  readonly call: Call;
  bytes: number;
  readonly cancelTimer: () => void;
}

/** The calls that wait for input, of all deployments. In memory: with the process go the servers that they wait on. */
export class HeldCalls<Call extends Holdable> {
  readonly #clock: Clock;
  readonly #limits: HeldLimits;
  readonly #states = new RequestStates();
  readonly #entries = new Map<string, Entry<Call>>();
  readonly #idOf = new Map<Call, string>();
  readonly #countOf = new Map<string, number>();
  #bytes = 0;

  constructor(clock: Clock, limits: Partial<HeldLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...DEFAULT_HELD_LIMITS, ...limits };
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The state by which its owner, and nobody else, takes the call up again, once. Undefined where no more can be held. */
  hold(call: Call, bytes: number): string | undefined {
    const { perOwner, inAll, deadlineMs, bytes: mostBytes } = this.#limits;
    const own = this.#countOf.get(call.owner) ?? 0;
    if (own >= perOwner || this.#entries.size >= inAll || this.#bytes + bytes > mostBytes) return undefined;
    const id = randomBytes(16).toString("base64url");
    const cancelTimer = this.#clock.schedule(deadlineMs, () => {
      this.release(call);
      call.expire();
    });
    this.#entries.set(id, { call, bytes, cancelTimer });
    this.#idOf.set(call, id);
    this.#countOf.set(call.owner, own + 1);
    this.#bytes += bytes;
    return this.#states.seal(call.owner, { id, expiresMs: this.#clock.monotonicMs() + deadlineMs });
  }

  /** The call that the state names, which is then no longer held; else why there is none. */
  take(owner: string, state: string, digest: string): Call | { readonly refusal: string } {
    const opened = this.#states.open(owner, state, this.#clock.monotonicMs());
    if ("refusal" in opened) return opened;
    const call = this.#entries.get(opened.id)?.call;
    if (call === undefined) return { refusal: "the requestState has been used, or its call has ended" };
    if (call.digest !== digest) return { refusal: "the requestState belongs to another request" };
    this.release(call);
    return call;
  }

  /** More is kept for a call that is held. @returns whether that is within bounds. */
  grow(call: Call, bytes: number): boolean {
    const entry = this.#entries.get(this.#idOf.get(call) ?? "");
    if (entry === undefined || this.#bytes + bytes > this.#limits.bytes) return false;
    entry.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  /** Idempotent. */
  release(call: Call): void {
    const id = this.#idOf.get(call) ?? "";
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.cancelTimer();
    this.#entries.delete(id);
    this.#idOf.delete(call);
    this.#bytes -= entry.bytes;
    const left = (this.#countOf.get(call.owner) ?? 1) - 1;
    if (left > 0) this.#countOf.set(call.owner, left);
    else this.#countOf.delete(call.owner);
  }
}
