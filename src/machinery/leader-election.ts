import { type Lease, leases } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import { isReason, type KubeClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import { delay } from "./clock-delay.ts";
import type { Logger } from "./logger.ts";
import type { Runnable } from "./runnable.ts";

/** In milliseconds; the values of kube-controller-manager. */
export interface LeaseTimes {
  /** Others may take the lease this long after they have seen it change last. */
  readonly leaseMs: number;
  /** The holder stops acting this long after the last renewal began that went through. Below `leaseMs` by what clocks and stops may cost. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export const LEASE_TIMES: LeaseTimes = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease: ObjectKey;
  /** Unique to this process: two that have the same would both lead. */
  readonly identity: string;
  /** Put onto the lease while it is held, for those who look for the leader. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly times?: LeaseTimes;
  /** From 0 to below 1: spreads those that wait. */
  readonly random?: () => number;
}

/** This process may not act any more: others may lead by now. */
export class LeadershipLost extends Error {
  override readonly name = "LeadershipLost";
}

/** A lease as it was seen, and when: by our own clock, since those of others may go wrong. */
interface Sighting {
  readonly resourceVersion: string;
  readonly holder: string;
  readonly atMs: number;
}

/**
 * Holds a Lease (coordination.k8s.io/v1) so that of many processes one acts. Ready while it leads; rejects with `LeadershipLost`
 * once it does not any more, and never leads again. Each span is measured by the monotonic clock of the process, so that a
 * clock that is set changes nothing. Given up at `stop`, so that the next one need not wait.
 */
export class LeaderElection implements Runnable {
  readonly name = "leader-election";
  readonly #options: LeaderElectionOptions;
  readonly #times: LeaseTimes;
  readonly #elected = Promise.withResolvers<void>();
  #seen: Sighting | undefined;
  #held: Lease | undefined;
  #isLeader = false;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#times = options.times ?? LEASE_TIMES;
    this.#elected.promise.catch(() => undefined);
  }

  isReady(): boolean {
    return this.#isLeader;
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) throw signal.reason;
      await Promise.race([this.#elected.promise, promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Who leads, as far as it was seen last; empty: nobody. */
  get holder(): string {
    return this.#isLeader ? this.#options.identity : (this.#seen?.holder ?? "");
  }

  async run(stop: AbortSignal): Promise<void> {
    try {
      while (!stop.aborted && !(await this.#tryOnce(stop, "acquire"))) await this.#pause(stop);
      if (stop.aborted) return;
      this.#isLeader = true;
      this.#options.logger.info("leads", { identity: this.#options.identity });
      this.#elected.resolve();
      await this.#keep(stop);
    } finally {
      this.#isLeader = false;
    }
    await this.#release();
  }

  /** Renews until `stop`. @throws {LeadershipLost} */
  async #keep(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const deadline = new AbortController();
      const began = this.#seen?.atMs ?? 0;
      const left = began + this.#times.renewDeadlineMs - this.#options.clock.monotonicMs();
      const cancel = this.#options.clock.schedule(Math.max(0, left), () => deadline.abort());
      const signal = AbortSignal.any([stop, deadline.signal]);
      try {
        await delay(this.#options.clock, this.#times.retryMs, signal);
        while (!signal.aborted && !(await this.#tryOnce(signal, "renew"))) await this.#pause(signal);
      } finally {
        cancel();
      }
      // A process that stood still finds its timer late: what counts is the clock.
      const isLate = this.#options.clock.monotonicMs() - began >= this.#times.renewDeadlineMs;
      if (!stop.aborted && isLate && (this.#seen?.atMs ?? 0) === began) {
        throw new LeadershipLost(`the lease could not be renewed for ${this.#times.renewDeadlineMs} ms`);
      }
    }
  }

  /** True when the lease is ours, for `leaseMs` from when this began. @throws {LeadershipLost} where another has it while we renew. */
  async #tryOnce(signal: AbortSignal, what: "acquire" | "renew"): Promise<boolean> {
    const { client, clock, lease, logger } = this.#options;
    const began = clock.monotonicMs();
    try {
      const found = what === "renew" ? this.#held : await this.#find(signal);
      if (found && what === "acquire" && !this.#isFree(found, began)) return false;
      const wanted = this.#claim(found);
      const written = found
        ? await client.update(leases, wanted as Lease, { signal })
        : await client.create(leases, wanted, signal);
      // It may have taken so long that others have it by now.
      if (what === "acquire" && clock.monotonicMs() - began >= this.#times.renewDeadlineMs) return false;
      this.#held = written;
      this.#seen = this.#sighting(written, began);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (isReason(error, "Conflict") && what === "renew") {
        const now = await client.get(leases, lease, signal).catch(() => undefined);
        if (now && now.spec?.holderIdentity !== this.#options.identity) {
          throw new LeadershipLost(`${now.spec?.holderIdentity || "nobody"} has the lease`);
        }
        // Somebody annotated it: the next attempt begins with what it is now.
        if (now) this.#held = now;
      } else if (!isReason(error, "Conflict", "AlreadyExists")) {
        logger.warn("the lease could not be asked for", {
          error: error instanceof Error ? error.message : String(error),
        });
      }
      return false;
    }
  }

  async #find(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, lease } = this.#options;
    try {
      return await client.get(leases, lease, signal);
    } catch (error) {
      if (isReason(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** Whether nobody has it, or its holder was not heard of for as long as the lease lasts. */
  #isFree(found: Lease, now: number): boolean {
    const { holderIdentity = "", leaseDurationSeconds = 0 } = found.spec ?? {};
    if (this.#seen?.resourceVersion !== found.metadata.resourceVersion) this.#seen = this.#sighting(found, now);
    // Of another process of this identity nothing is known: it counts as any other.
    if (holderIdentity === "") return true;
    return now - (this.#seen?.atMs ?? now) >= Math.max(leaseDurationSeconds * 1_000, this.#times.leaseMs);
  }

  #sighting({ metadata, spec }: Lease, atMs: number): Sighting {
    return { resourceVersion: metadata.resourceVersion, holder: spec?.holderIdentity ?? "", atMs };
  }

  #claim(
    found: Lease | undefined,
  ): Omit<Lease, "metadata"> & { metadata: Partial<Lease["metadata"]> & { name: string } } {
    const { clock, identity, lease, annotations } = this.#options;
    const now = microTime(clock.now());
    const isOurs = found?.spec?.holderIdentity === identity && this.#held !== undefined;
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        ...(found?.metadata ?? { name: lease.name, namespace: lease.namespace }),
        annotations: { ...found?.metadata.annotations, ...annotations },
      },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#times.leaseMs / 1_000),
        acquireTime: isOurs ? (found?.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (found?.spec?.leaseTransitions ?? 0) + (found && !isOurs ? 1 : 0),
      },
    };
  }

  /** Best effort: who waits takes it when it runs out. */
  async #release(): Promise<void> {
    const { client, clock, logger } = this.#options;
    if (!this.#held) return;
    const spec = { ...this.#held.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
    try {
      await client.update(leases, { ...this.#held, spec }, { signal: AbortSignal.timeout(RELEASE_TIMEOUT_MS) });
    } catch (error) {
      logger.warn("the lease could not be given up", { error: error instanceof Error ? error.message : String(error) });
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    await delay(clock, this.#times.retryMs * (1 + JITTER * random()), signal);
  }
}

const JITTER = 0.2;
const RELEASE_TIMEOUT_MS = 3_000;

/** Kubernetes' MicroTime. */
function microTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}
