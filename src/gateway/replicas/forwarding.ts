import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../machinery/clock.ts";
import { type EndpointKey, endpointPath } from "../directory.ts";
import { type Failure, unavailable } from "../mcp/answers.ts";
import { Exchange, type ExchangeOptions, failureOf, type Outcome } from "../mcp/exchange.ts";
import { FORWARDED_HEADER, type RequestHeaders, TELLS_OF_CALLS } from "../mcp/request-headers.ts";
import type { UpstreamPool } from "../mcp/upstream-pool.ts";
import { loadPools } from "../mcp/upstreams.ts";
import { headersFromLeader, headersToLeader } from "./forwarded-headers.ts";
import { type GatewayAddress, type Leader, NOBODY, ownHost, parseGatewayAddress } from "./leader.ts";
import { WatchedStream } from "./legacy-streams.ts";

export interface ForwardingOptions {
  readonly maxBodyBytes: number;
  readonly clock: Clock;
}

/** A request that passed this gateway's own checks: Host, Origin, and who asks. */
export interface ForwardedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: RequestHeaders;
  /** Whether somebody waits for its end, rather than for what may come. */
  readonly isCall: boolean;
  /** Whether it opens a stream of legacy SSE: what comes over that are the answers to other requests. */
  readonly carriesAnswers?: boolean;
  /** What is told where nobody leads, if more is known than that. */
  readonly otherwise?: Failure | undefined;
}

/** Requests by how they ended; `refused`: they were not passed on. */
export type ForwardedCounts = Readonly<Record<Outcome | "refused", number>>;

type Manner = Pick<ExchangeOptions, "isCall" | "rewrite" | "unanswered">;

interface Led {
  readonly address: GatewayAddress;
  readonly pool: Promise<UpstreamPool>;
}

/** Each holds a connection. Half of the calls that a gateway has open at once, so that what is served here has places, too. */
const FORWARDED_AT_ONCE = 2_048;
/** A leader that ends lets its calls end for 5 s. */
const RETIRE_MS = 6_000;

/** The leader answers nothing to that, or why not. */
const TOLD_BYTES = 64 * 1024;

const NO_LEADER = unavailable(503, "NoLeader", "no replica of the gateway leads just now; try again", 2);
/** Never a second hop: two replicas could each take the other for the leader. */
export const NOT_LEADING = unavailable(
  503,
  "NotLeading",
  "another replica of the gateway is about to lead; try again",
  1,
);
const TOO_MANY = unavailable(429, "TooManyRequests", "too many calls wait for the replica that leads; try again", 1);

/** Passes on to the replica that leads what only that one can serve: as it comes, in both directions. */
export class Forwarding implements AsyncDisposable {
  readonly #options: ForwardingOptions;
  readonly #counts: Record<Outcome | "refused", number> = { answered: 0, gone: 0, failed: 0, refused: 0 };
  /** With those whose leader is none any more. */
  readonly #pools = new Set<Promise<UpstreamPool>>();
  #leader: Leader = NOBODY;
  #ownHost: string | undefined;
  #led: Led | undefined;
  #open = 0;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** Whether another replica leads, or nobody. */
  get follows(): boolean {
    return !this.#leader.isSelf;
  }

  /** As other replicas call this one: a name of it, while it leads. */
  isOwnHost(host: string | undefined): boolean {
    return host !== undefined && host === this.#ownHost;
  }

  get counts(): ForwardedCounts {
    return { ...this.#counts };
  }

  /** Who leads from now on. What is under way at another may end for a while. */
  receive(leader: Leader): void {
    this.#leader = leader;
    this.#ownHost = ownHost(leader);
    const address = addressOf(leader);
    if (address?.host === this.#led?.address.host) return;
    void this.#led?.pool.then((pool) => pool.retire(RETIRE_MS, "another replica of the gateway leads now"));
    this.#led = undefined;
  }

  /** Undefined where it was taken on. */
  async forward({ otherwise, ...asked }: ForwardedRequest): Promise<Failure | undefined> {
    const { request, response, headers } = asked;
    if (headers.isForwarded) return this.#refused(NOT_LEADING);
    const led = this.#toLeader();
    if (led === undefined) return this.#refused(otherwise ?? NO_LEADER);
    if (this.#open >= FORWARDED_AT_ONCE) return this.#refused(TOO_MANY);
    const { maxBodyBytes, clock } = this.#options;
    this.#open += 1;
    const onEnd = (outcome: Outcome) => {
      this.#open -= 1;
      this.#counts[outcome] += 1;
    };
    const pool = await led.pool;
    if (response.destroyed) {
      onEnd("gone");
      return undefined;
    }
    const exchange = new Exchange({
      ...{ request, response, pool, maxBodyBytes, clock, onEnd, ...manner(asked) },
      passedHeaders: headersFromLeader,
      failureOf: failureOfLeader,
    });
    const { method = "GET", url: path = "/" } = request;
    const onward = { method, path, hasBody: method === "POST", headers: headersToLeader(headers, led.address.host) };
    exchange.send(onward, headers.contentLength);
    return undefined;
  }

  /** Tells the leader that calls are under way at a server, until the signal, or for as long as it hears. Never rejects. */
  async tellOfCalls(key: EndpointKey, authorization: string | undefined, signal: AbortSignal): Promise<void> {
    const led = this.#toLeader();
    if (led === undefined) return;
    const headers = {
      ...{ host: led.address.host, [FORWARDED_HEADER]: TELLS_OF_CALLS },
      ...(authorization !== undefined && { authorization }),
    };
    try {
      const { dispatcher } = await led.pool;
      const { body } = await dispatcher.request({ method: "GET", path: endpointPath(key), headers, signal });
      await body.dump({ limit: TOLD_BYTES, signal });
    } catch {
      // Whoever asked sees that it is over.
    }
  }

  /** Ends what is under way; calls stay where `spare` says so. */
  cut(reason: string, spare: "calls" | "nothing"): void {
    for (const each of this.#pools) void each.then((pool) => pool.cut(reason, spare));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#pools].map(async (pool) => (await pool).destroy()));
  }

  #refused(failure: Failure): Failure {
    this.#counts.refused += 1;
    return failure;
  }

  #toLeader(): Led | undefined {
    const address = addressOf(this.#leader);
    if (address === undefined) return undefined;
    if (this.#led) return this.#led;
    const { clock } = this.#options;
    const pool: Promise<UpstreamPool> = loadPools().then(
      ({ UpstreamPool }) =>
        new UpstreamPool({ origin: `http://${address.host}` }, clock, () => this.#pools.delete(pool)),
    );
    this.#pools.add(pool);
    this.#led = { address, pool };
    return this.#led;
  }
}

/** Who waits for what of it. */
function manner({ isCall, carriesAnswers }: Pick<ForwardedRequest, "isCall" | "carriesAnswers">): Manner {
  if (!carriesAnswers) return { isCall };
  const stream = new WatchedStream();
  return { isCall: true, rewrite: stream, unanswered: () => stream.unanswered() };
}

function addressOf({ isSelf, gatewayAddress }: Leader): GatewayAddress | undefined {
  return isSelf || gatewayAddress === undefined ? undefined : parseGatewayAddress(gatewayAddress);
}

function failureOfLeader(error: Error): Failure {
  const failure = failureOf(error);
  switch (failure.reason) {
    case "UpstreamUnreachable":
      return unavailable(503, "LeaderUnreachable", "the replica that leads takes no connections now; try again", 1);
    case "UpstreamTimeout":
      return unavailable(504, "LeaderTimeout", "the replica that leads did not answer in time; try again", 2);
    case "UpstreamFailed":
      return unavailable(502, "LeaderFailed", "the replica that led ended before it had answered; try again", 1);
    default:
      return failure;
  }
}
