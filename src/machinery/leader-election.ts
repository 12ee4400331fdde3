import { type Lease, leases } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import { isReason, type KubeClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import { delay } from "./clock-delay.ts";
import { type Fence, LeadershipLost } from "./fence.ts";
import { KnownLease } from "./known-lease.ts";
import { claimed, GATEWAY_ADDRESS_ANNOTATION, isSameTerm, type LeaseSpec, released } from "./lease-record.ts";
import { findLease, LeaseWatch } from "./lease-watch.ts";
import type { Logger } from "./logger.ts";
import type { Runnable } from "./runnable.ts";
import { WakeUp } from "./wake-up.ts";

/** In milliseconds. */
export interface LeaseTimes {
  /** Others may take the lease this long after they have seen it renewed last. */
  readonly leaseMs: number;
  /** The holder stops acting this long after the last renewal began that went through: below `leaseMs` by what clocks may differ. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

/** Two thirds of the lease are for renewing, every 2 s: the proportions of kube-controller-manager, which has 15, 10 and 2. */
export function leaseTimes(leaseMs: number): LeaseTimes {
  return { leaseMs, renewDeadlineMs: (leaseMs * 2) / 3, retryMs: 2_000 };
}

export interface LeaderElectionOptions {
  /** Of its own, so that no other call is in the way of a renewal. */
  readonly client: Pick<KubeClient, "get" | "watch" | "create" | "update">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease: ObjectKey;
  /** Unique to this process. */
  readonly identity: string;
  readonly times: LeaseTimes;
  /** What the lease says while it is held: where others reach this replica's gateway. Asked at each renewal. */
  readonly gatewayAddress?: () => string | undefined;
  /** From 0 to below 1: spreads those that wait. */
  readonly random?: () => number;
}

/** Who leads, as far as it was seen last. */
export interface Leader {
  readonly isSelf: boolean;
  /** Empty: nobody does. */
  readonly identity: string;
  /** `HOST:PORT`. */
  readonly gatewayAddress: string | undefined;
}

const NOBODY: Leader = { isSelf: false, identity: "", gatewayAddress: undefined };
const RELEASE_TIMEOUT_MS = 3_000;

/**
 * Holds a Lease (coordination.k8s.io/v1) so that of many processes one acts. Ready while it leads; once it has lost the lease it
 * never leads again, and `run` rejects. Each span is measured by the monotonic clock of this process, so that neither a clock that
 * is set nor that of another changes anything. Given up at `stop`, so that the next one need not wait.
 */
export class LeaderElection implements Runnable, Fence {
  readonly name = "leader election";
  readonly #options: LeaderElectionOptions;
  readonly #elected = Promise.withResolvers<void>();
  readonly #lost = new AbortController();
  readonly #closed = new AbortController();
  readonly #known: KnownLease;
  #leader: Leader = NOBODY;
  #held: Lease | undefined;
  /** The claim that was sent last, of which the answer may have been missed. */
  #attempt: LeaseSpec | undefined;
  /** Monotonic; undefined: this process does not lead. */
  #actsUntilMs: number | undefined;
  #cancelDeadline: (() => void) | undefined;
  /** What was logged last. */
  #trouble: string | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#known = new KnownLease(options.clock, options.times.leaseMs);
  }

  isReady(): boolean {
    return this.#actsUntilMs !== undefined && this.#options.clock.monotonicMs() < this.#actsUntilMs;
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.race([this.#elected.promise, promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  get leader(): Leader {
    return { ...this.#leader, isSelf: this.isReady() };
  }

  /** Aborted the moment that this process, having led, may not act any more. Not when the lease is given up in order. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  check(): void {
    if (this.isReady()) return;
    if (this.#actsUntilMs !== undefined) this.#lose("the time to renew the lease is over");
    throw this.#closed.signal.reason ?? new LeadershipLost("this replica does not lead");
  }

  async run(stop: AbortSignal): Promise<void> {
    await this.#acquire(stop);
    if (this.isReady()) {
      this.#options.logger.info("leads", { identity: this.#options.identity });
      this.#elected.resolve();
    }
    const until = AbortSignal.any([stop, this.#lost.signal]);
    while (!until.aborted) {
      await delay(this.#options.clock, this.#options.times.retryMs, until);
      if (!until.aborted) await this.#renew(until);
    }
    if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
    await this.#release();
  }

  /** Until it leads, or is stopped. Whoever follows wakes when the lease changes, and at the very end of it. */
  async #acquire(stop: AbortSignal): Promise<void> {
    const { client, clock, logger, lease, times, random = Math.random } = this.#options;
    const news = new WakeUp(clock);
    const onSeen = (found: Lease | undefined) => {
      this.#see(found);
      news.call();
    };
    const { retryMs: lookMs, leaseMs: silenceMs } = times;
    const watch = new LeaseWatch({ client, clock, logger, lease, lookMs, silenceMs, random, onSeen });
    const over = new AbortController();
    // Not waited for: what it has under way must not hold up who leads.
    void watch.run(AbortSignal.any([stop, over.signal]));
    while (!stop.aborted && !this.#held) {
      const isHeld = this.#known.isKnown && !this.#isFree();
      await news.wait(isHeld ? this.#known.waitMs : times.retryMs, stop);
      if (!stop.aborted && this.#isFree()) await this.#tryClaim(watch, stop);
    }
    over.abort();
  }

  /** On condition of the version that was seen last: who has renewed in between, unseen, keeps the lease. */
  async #tryClaim(watch: LeaseWatch, stop: AbortSignal): Promise<void> {
    const { clock, times } = this.#options;
    const beganMs = clock.monotonicMs();
    try {
      const held = await this.#claim(this.#known.found, stop);
      // It may have taken so long that others have it by now.
      if (clock.monotonicMs() - beganMs < times.renewDeadlineMs) this.#hold(held, beganMs);
    } catch (error) {
      if (isReason(error, "Conflict", "AlreadyExists", "NotFound")) watch.look();
      else if (!stop.aborted) this.#warn("be claimed", error);
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const beganMs = this.#options.clock.monotonicMs();
    if (!this.isReady()) return this.#lose("the time to renew the lease is over");
    try {
      const held = await this.#claim(this.#held, signal);
      if (!signal.aborted && this.isReady()) this.#hold(held, beganMs);
    } catch (error) {
      if (signal.aborted) return;
      if (isReason(error, "Conflict", "NotFound")) return await this.#learn(signal);
      this.#warn("be renewed", error);
    }
  }

  /** Somebody wrote to the lease, or an earlier claim went through though it was not answered. */
  async #learn(signal: AbortSignal): Promise<void> {
    try {
      const found = await this.#find(signal);
      if (!found) this.#lose("the lease was deleted");
      else if (!isSameTerm(found.spec, this.#held?.spec)) {
        this.#see(found);
        this.#lose(`${found.spec?.holderIdentity || "nobody"} has the lease`);
      } else this.#held = found;
    } catch (error) {
      if (!signal.aborted) this.#warn("be read", error);
    }
  }

  #hold(held: Lease, beganMs: number): void {
    const { clock, times } = this.#options;
    this.#held = held;
    this.#attempt = undefined;
    this.#trouble = undefined;
    this.#see(held);
    this.#actsUntilMs = beganMs + times.renewDeadlineMs;
    this.#cancelDeadline?.();
    this.#cancelDeadline = clock.schedule(this.#actsUntilMs - clock.monotonicMs(), () =>
      this.#lose(`the lease could not be renewed for ${Math.round(times.renewDeadlineMs)} ms`),
    );
  }

  #lose(why: string): void {
    if (this.#closed.signal.aborted) return;
    const reason = new LeadershipLost(why);
    this.#close(reason);
    this.#lost.abort(reason);
  }

  #close(reason: LeadershipLost): void {
    this.#actsUntilMs = undefined;
    this.#cancelDeadline?.();
    this.#closed.abort(reason);
  }

  #find(signal: AbortSignal): Promise<Lease | undefined> {
    return findLease(this.#options.client, this.#options.lease, signal);
  }

  async #claim(found: Lease | undefined, signal: AbortSignal): Promise<Lease> {
    const { client, clock, lease, identity, times, gatewayAddress } = this.#options;
    const claim = { identity, leaseMs: times.leaseMs, gatewayAddress: gatewayAddress?.(), now: clock.now() };
    if (!found) {
      const none = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: lease };
      const wanted = claimed(none, false, claim);
      this.#attempt = wanted.spec;
      return await client.create<Lease>(leases, wanted, signal);
    }
    const wanted = claimed(found, this.#isOurs(found), claim);
    this.#attempt = wanted.spec;
    return await client.update(leases, wanted, { signal });
  }

  #see(found: Lease | undefined): void {
    this.#known.see(found);
    const { holderIdentity = "" } = found?.spec ?? {};
    const gatewayAddress = found?.metadata.annotations?.[GATEWAY_ADDRESS_ANNOTATION];
    const { identity, logger } = this.#options;
    if (holderIdentity !== this.#leader.identity && holderIdentity !== identity && holderIdentity !== "") {
      logger.info("another leads", { identity: holderIdentity });
    }
    this.#leader = holderIdentity === "" ? NOBODY : { isSelf: false, identity: holderIdentity, gatewayAddress };
  }

  #isFree(): boolean {
    return this.#known.isKnown && (this.#isOurs(this.#known.found) || this.#known.waitMs <= 0);
  }

  /** Of another process of this identity nothing is known: it counts as any other. */
  #isOurs(found: Lease | undefined): boolean {
    if (!found) return false;
    if (this.#held) return isSameTerm(found.spec, this.#held.spec);
    return isSameTerm(found.spec, this.#attempt) && found.spec?.renewTime === this.#attempt?.renewTime;
  }

  /** Best effort: who waits takes it when it runs out. Refuses what still runs first. */
  async #release(): Promise<void> {
    this.#close(new LeadershipLost("the lease was given up"));
    this.#leader = NOBODY;
    if (!this.#held && !this.#attempt) return;
    const { client, clock } = this.#options;
    const late = new AbortController();
    const cancel = clock.schedule(RELEASE_TIMEOUT_MS, () => late.abort(new Error("no answer in time")));
    try {
      // A renewal may have been under way, so what is there is read anew.
      const found = await this.#find(late.signal);
      if (!found || !this.#isOurs(found)) return;
      await client.update(leases, released(found, clock.now()), { signal: late.signal });
    } catch (error) {
      this.#warn("be given up", error);
    } finally {
      cancel();
    }
  }

  /** Once for each kind of trouble, until it is over. */
  #warn(what: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#trouble === message) return;
    this.#trouble = message;
    this.#options.logger.warn(`the lease could not ${what}`, { error: message });
  }
}
