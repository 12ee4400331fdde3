import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../machinery/clock.ts";
import type { Directory, Endpoint, EndpointKey } from "../directory.ts";
import type { UnderWay } from "../drains.ts";
import { type Failure, unavailable } from "../mcp/answers.ts";
import type { RequestHeaders } from "../mcp/request-headers.ts";
import { DirectCalls } from "./direct-calls.ts";
import { FollowersGrace } from "./followers-grace.ts";
import { type ForwardedCounts, Forwarding, NOT_LEADING } from "./forwarding.ts";
import type { Leader } from "./leader.ts";
import { opensLegacyStream } from "./legacy-streams.ts";
import { needsLeader } from "./needs-leader.ts";
import { Reach } from "./reach.ts";

export interface ReplicaOptions {
  readonly directory: Pick<Directory, "get" | "onChange">;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
}

/** A request that passed this gateway's own checks. */
export interface CheckedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: RequestHeaders;
}

/** How a server is, to say so where nobody leads. */
type Readiness = Pick<Endpoint, "state"> & Partial<Endpoint>;

/** This data path as one of several: what it has the leader serve, and what both tell each other of calls. */
export class Replica implements AsyncDisposable {
  readonly #forwarding: Forwarding;
  readonly #reach: Reach;
  readonly #ofOthers: FollowersGrace;
  readonly #own: DirectCalls;

  constructor({ directory, maxBodyBytes, clock }: ReplicaOptions) {
    const forwarding = new Forwarding({ maxBodyBytes, clock });
    this.#forwarding = forwarding;
    this.#reach = new Reach({ clock });
    this.#ofOthers = new FollowersGrace(clock);
    this.#own = new DirectCalls({ directory, clock, tell: (...told) => forwarding.tellOfCalls(...told) });
  }

  /** Whether another replica leads, or nobody. */
  get follows(): boolean {
    return this.#forwarding.follows;
  }

  get counts(): ForwardedCounts {
    return this.#forwarding.counts;
  }

  /** Who leads from now on. */
  receive(leader: Leader): void {
    this.#forwarding.receive(leader);
    // They are told to the next one then.
    if (!leader.isSelf) this.#ofOthers.close();
  }

  isOwnHost(host: string | undefined): boolean {
    return this.#forwarding.isOwnHost(host);
  }

  /** Whether it follows, and what this endpoint is asked is the leader's. */
  isLeaders(endpoint: Endpoint): boolean {
    if (!this.follows) return false;
    const { upstream } = endpoint;
    return needsLeader(endpoint) || (upstream?.kind === "http" && !this.#reach.has(upstream.url));
  }

  /** Undefined where it was taken on. `isCall`: somebody waits for its end. */
  forward(
    asked: CheckedRequest,
    { state, elsewhere, upstream }: Readiness,
    isCall: boolean,
  ): Promise<Failure | undefined> {
    const isKnown = !state.ready && elsewhere !== true;
    const otherwise = isKnown ? unavailable(503, state.reason, state.message, state.retryAfterSeconds) : undefined;
    const isOfLegacy = upstream?.kind === "http" && upstream.transport === "sse";
    const carriesAnswers = isOfLegacy && opensLegacyStream(asked.request);
    return this.#forwarding.forward({ ...asked, isCall, carriesAnswers, otherwise });
  }

  /** Another replica has calls of a caller under way there. Undefined where it was heard. */
  hear(key: EndpointKey, response: ServerResponse): Failure | undefined {
    if (this.follows) return NOT_LEADING;
    this.#ofOthers.tell(key, response);
    return undefined;
  }

  /** A call is passed through here. */
  passes(key: EndpointKey, authorization: string | undefined, response: ServerResponse): void {
    if (this.follows) this.#own.enter(key, authorization, response);
  }

  /** This server is about to end. */
  draining(key: EndpointKey): void {
    this.#ofOthers.begin(key);
  }

  /** What other replicas have under way there. */
  at(key: EndpointKey): UnderWay | undefined {
    return this.#ofOthers.at(key);
  }

  /** Ends what is under way; calls stay where `spare` says so. */
  cut(reason: string, spare: "calls" | "nothing"): void {
    this.#ofOthers.close();
    this.#forwarding.cut(reason, spare);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#own[Symbol.dispose]();
    await this.#forwarding[Symbol.asyncDispose]();
  }
}
