import type { ServerResponse } from "node:http";
import type { Clock } from "../../machinery/clock.ts";
import { type EndpointKey, endpointPath } from "../directory.ts";
import type { UnderWay } from "../drains.ts";

/**
 * How long a server that is about to end stays for what other replicas pass through to it: for them to see in its status that it
 * is about to change. Then they pass requests on to the leader, and tell it of those that are under way.
 */
const GRACE_MS = 3_000;

/** What other replicas have under way at a server, as far as the leader knows. */
export class FollowersGrace {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();
  /** By the path of the server, what is told of it: each stands for calls of one replica until it ends. */
  readonly #told = new Map<string, Set<ServerResponse>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** This server is about to end. */
  begin(key: EndpointKey): void {
    const path = endpointPath(key);
    const until = this.#clock.monotonicMs() + GRACE_MS;
    this.#until.set(path, until);
    this.#clock.schedule(GRACE_MS, () => {
      if (this.#until.get(path) === until) this.#until.delete(path);
    });
  }

  /** Another replica has calls under way there, until it ends this answer. */
  tell(key: EndpointKey, response: ServerResponse): void {
    if (response.destroyed) return;
    const path = endpointPath(key);
    const told = this.#told.get(path) ?? new Set();
    this.#told.set(path, told.add(response));
    response.once("close", () => {
      told.delete(response);
      if (told.size === 0 && this.#told.get(path) === told) this.#told.delete(path);
    });
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
  }

  at(key: EndpointKey): UnderWay | undefined {
    const path = endpointPath(key);
    const isEarly = (this.#until.get(path) ?? 0) > this.#clock.monotonicMs();
    const calls = (this.#told.get(path)?.size ?? 0) + Number(isEarly);
    return calls === 0 ? undefined : { calls, cut: () => undefined };
  }

  close(): void {
    for (const told of this.#told.values()) for (const response of told) response.end();
  }
}
