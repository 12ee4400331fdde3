import { Pool } from "undici";
import type { Clock } from "../../machinery/clock.ts";
import { guardedConnector } from "./guarded-connector.ts";

/** A server takes a connection within this, or is not there. */
const CONNECT_TIMEOUT_MS = 5_000;
/** A call may work this long before the first byte of its answer. The longest that a platform allows (Code Engine: 600 s). */
const ANSWER_TIMEOUT_MS = 600_000;
/** A stream may be silent this long. TCP tells of a dead peer long before. */
const IDLE_TIMEOUT_MS = 3_600_000;
/** Below the five seconds after which Node's own server, and so most MCP servers, closes a connection that is not used. */
const KEEP_ALIVE_MS = 4_000;
const MAX_KEEP_ALIVE_MS = 60_000;
const MAX_HEADER_BYTES = 64 * 1024;

export interface PoolTarget {
  readonly origin: string;
  /** Instead of what the origin's host and port name. */
  readonly socketPath?: string;
  /** Given: it is somebody else's server, which may be at a public address or in these ranges. */
  readonly allowedCidrs?: readonly string[];
}

/** What of a pool is under way, so that all of it can be ended. */
export interface Ongoing {
  /** Whether somebody waits for its end, rather than for what may come. */
  readonly isCall: boolean;
  /** Ends it with an error for the client. */
  cut(reason: string): void;
}

/**
 * The connections to one instance of a server. As many as there are calls, since a stream holds one for hours: calls are
 * counted where they come in. undici rather than node:http: it keeps to the Keep-Alive that a server announces, and costs
 * 10 % less CPU for each call and half the time added with one client.
 */
export class UpstreamPool {
  /** Whether it leads to somebody else's server: where that redirects to is not the client's business. */
  readonly isForeign: boolean;
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #onDestroyed: () => void;
  readonly #ongoing = new Set<Ongoing>();
  #retired = false;
  #cancelCut: () => void = () => undefined;

  /** `onDestroyed` is called when it is of no more use. */
  constructor(
    { origin, socketPath, allowedCidrs }: PoolTarget,
    clock: Clock,
    onDestroyed: () => void = () => undefined,
  ) {
    this.isForeign = allowedCidrs !== undefined;
    this.#clock = clock;
    this.#onDestroyed = onDestroyed;
    this.#pool = new Pool(origin, {
      connections: null,
      pipelining: 1,
      allowH2: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: IDLE_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: MAX_KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(socketPath !== undefined && { socketPath }),
      ...(allowedCidrs && { connect: guardedConnector(allowedCidrs, CONNECT_TIMEOUT_MS) }),
    });
  }

  get dispatcher(): Pick<Pool, "dispatch" | "request"> {
    return this.#pool;
  }

  get size(): number {
    return this.#ongoing.size;
  }

  /** Of those, the ones whose end somebody waits for. */
  get calls(): number {
    return this.#ongoing.values().reduce((sum, { isCall }) => sum + Number(isCall), 0);
  }

  enter(exchange: Ongoing): void {
    this.#ongoing.add(exchange);
  }

  leave(exchange: Ongoing): void {
    this.#ongoing.delete(exchange);
    if (this.#retired && this.#ongoing.size === 0) void this.destroy();
  }

  /** Takes nothing new. What is under way may end within `graceMs`, then it is cut. */
  retire(graceMs: number, reason: string): void {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#ongoing.size === 0) return void this.destroy();
    this.#cancelCut = this.#clock.schedule(graceMs, () => this.cut(reason));
  }

  /** Ends what is under way; calls stay where `spare` says so. */
  cut(reason: string, spare: "calls" | "nothing" = "nothing"): void {
    for (const exchange of this.#ongoing) {
      if (spare === "nothing" || !exchange.isCall) exchange.cut(reason);
    }
  }

  destroy(): Promise<void> {
    this.#retired = true;
    this.#cancelCut();
    this.#onDestroyed();
    return this.#pool.destroy();
  }
}
