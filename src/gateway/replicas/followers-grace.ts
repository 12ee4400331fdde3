import type { Clock } from "../../machinery/clock.ts";
import { type EndpointKey, endpointPath } from "../directory.ts";
import type { UnderWay } from "../drains.ts";

/**
 * How long a server that is about to end stays for what other replicas pass through to it: for them to see in its status that it
 * is about to change, after which they pass requests on to the leader, and for calls of common length to end. What takes
 * longer there is not waited for, since nobody here knows of it.
 */
const GRACE_MS = 3_000;

/** Stands for calls that other replicas may have under way at a server. */
export class FollowersGrace {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

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

  at(key: EndpointKey): UnderWay | undefined {
    const until = this.#until.get(endpointPath(key));
    if (until === undefined || until <= this.#clock.monotonicMs()) return undefined;
    return { calls: 1, cut: () => undefined };
  }
}
