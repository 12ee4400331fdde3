import type { Lease } from "../api/core.ts";
import type { Clock } from "./clock.ts";
import { markOf } from "./lease-record.ts";

/** The longest lease that can be asked for. What somebody else wrote must not keep everybody waiting for ever. */
const LONGEST_LEASE_MS = 300_000;

/**
 * A Lease as it was seen last, and how long that may be relied upon to be held. Counts from when a change was *known*, not from when
 * it was asked for or made: an answer, or an event of a watch, may have been under way for longer than the lease lasts.
 */
export class KnownLease {
  readonly #clock: Clock;
  readonly #shortestMs: number;
  #isKnown = false;
  #found: Lease | undefined;
  #mark: string | undefined;
  #spanMs = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** `shortestMs`: of our own lease, which others are not believed to undercut. */
  constructor(clock: Clock, shortestMs: number) {
    this.#clock = clock;
    this.#shortestMs = shortestMs;
  }

  /** Undefined: there is none, or nobody has looked. */
  get found(): Lease | undefined {
    return this.#found;
  }

  /** Whether it was looked at, though there may be none. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** How long it may be held still. */
  get waitMs(): number {
    return this.#sinceMs + this.#spanMs - this.#clock.monotonicMs();
  }

  see(found: Lease | undefined): void {
    const mark = found && markOf(found);
    const isNews = !this.#isKnown || mark !== this.#mark;
    if (isNews) {
      this.#spanMs = found ? this.#spanOf(found) : this.#spanOfDeleted();
      this.#sinceMs = this.#clock.monotonicMs();
    }
    this.#isKnown = true;
    this.#mark = mark;
    this.#found = found;
  }

  #spanOf({ spec: { holderIdentity = "", leaseDurationSeconds = 0 } = {} }: Lease): number {
    // As client-go gives it up, too: the holder has ceased to act before. One that is emptied by anybody else acts on.
    if (holderIdentity === "" && leaseDurationSeconds <= 1) return 0;
    return Math.max(Math.min(leaseDurationSeconds * 1_000, LONGEST_LEASE_MS), this.#shortestMs);
  }

  /** Somebody may have taken it last without our knowledge, and acts until it hears that it is gone. */
  #spanOfDeleted(): number {
    return this.#isKnown ? Math.max(this.#spanMs, this.#shortestMs) : 0;
  }
}
