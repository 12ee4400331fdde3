import type { Clock } from "../../machinery/clock.ts";
import { TokenBucket } from "../../machinery/token-bucket.ts";
import { type Failure, unavailable } from "./answers.ts";

export interface CallLimitOptions {
  /** Calls and streams open at once. */
  readonly perCaller: number;
  readonly inAll: number;
  /** Calls a second, and how many may come at once after a pause; undefined: as many as come. */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
}

/** Callers whose rate is remembered, beside those who have something open. */
const REMEMBERED = 4_096;

interface Account {
  open: number;
  readonly bucket: TokenBucket | undefined;
}

/** Counts what is under way, so that no caller takes the places of all, and none asks faster than it may. */
export class CallLimits {
  readonly #accounts = new Map<string, Account>();
  readonly #options: CallLimitOptions;
  readonly #clock: Clock;
  #all = 0;

  constructor(options: CallLimitOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Calls and streams that are open now. */
  get open(): number {
    return this.#all;
  }

  /** Takes a place. The function gives it back; it is called once. */
  enter(caller: string): (() => void) | Failure {
    const account = this.#accountOf(caller);
    if (account.open >= this.#options.perCaller) {
      return tooMany(`${account.open} calls and streams of yours are open; end some first`);
    }
    if (this.#all >= this.#options.inAll) return tooMany("too many calls and streams are open; try again");
    if (account.bucket?.take(this.#clock.monotonicMs()) === false) {
      return tooMany(`you call more often than ${this.#options.rate?.perSecond} times a second; slow down`);
    }
    account.open += 1;
    this.#all += 1;
    return () => {
      account.open -= 1;
      this.#all -= 1;
    };
  }

  #accountOf(caller: string): Account {
    const known = this.#accounts.get(caller);
    if (known) return known;
    const { rate } = this.#options;
    const account = {
      open: 0,
      bucket: rate && new TokenBucket(rate.burst, 1_000 / rate.perSecond, this.#clock.monotonicMs()),
    };
    if (this.#accounts.size >= REMEMBERED) this.#forgetIdle();
    this.#accounts.set(caller, account);
    return account;
  }

  #forgetIdle(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [caller, { open, bucket }] of this.#accounts) {
      if (open === 0 && bucket?.isFull(nowMs) !== false) this.#accounts.delete(caller);
    }
  }
}

function tooMany(message: string): Failure {
  return unavailable(429, "TooManyRequests", message, 1);
}
