import type { Failure } from "./facts.ts";

/** An attempt that failed, and when the next one makes sense. Times are the clock's monotonic milliseconds. */
export interface Hold {
  readonly failures: number;
  readonly until: number;
  /** Undefined where nothing went wrong but too much was done, for example a start that did not last. */
  readonly failure: Failure | undefined;
}

export interface Attempt {
  readonly token: string;
  readonly now: number;
  readonly failure?: Failure | undefined;
  /** What the backend asked for. */
  readonly leastMs?: number;
  readonly pace?: Pace;
}

/** The first and the longest wait; each is twice the one before. */
export interface Pace {
  readonly baseMs: number;
  readonly capMs: number;
}

/** 1 s, 2 s, 4 s … 5 min: quick enough for what heals soon, rare enough for a registry that stays away. */
const PACE: Pace = { baseMs: 1_000, capMs: 300_000 };

/**
 * Exponential back-off of the attempts at one deployment, by what was attempted: the token of a revision, so that a changed
 * spec or Secret is tried at once. Only the newest token of each kind is remembered.
 */
export class Holds<Kind extends string> {
  /** Made with the first: most deployments never have one. */
  #holds: Map<Kind, { token: string; hold: Hold }> | undefined;

  /** The hold that `token` is under at `now`; undefined when it may be tried. */
  active(kind: Kind, token: string, now: number): Hold | undefined {
    const hold = this.last(kind, token);
    return hold && now < hold.until ? hold : undefined;
  }

  /** The last failed attempt, waited for or not. */
  last(kind: Kind, token: string): Hold | undefined {
    const found = this.#holds?.get(kind);
    return found?.token === token ? found.hold : undefined;
  }

  /** Records another failed attempt. */
  add(kind: Kind, { token, now, failure, leastMs = 0, pace = PACE }: Attempt): Hold {
    const failures = (this.last(kind, token)?.failures ?? 0) + 1;
    const delay = Math.max(leastMs, Math.min(pace.baseMs * 2 ** (failures - 1), pace.capMs));
    const hold = { failures, until: now + delay, failure };
    this.#holds ??= new Map();
    this.#holds.set(kind, { token, hold });
    return hold;
  }

  clear(kind: Kind): void {
    this.#holds?.delete(kind);
  }
}
