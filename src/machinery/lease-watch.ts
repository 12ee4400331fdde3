import { type Lease, leases } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import { backoffMs, jittered } from "./backoff.ts";
import { ApiError, isReason, type KubeClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import { delay } from "./clock-delay.ts";
import type { Logger } from "./logger.ts";
import { WakeUp } from "./wake-up.ts";
import { Watchdog } from "./watchdog.ts";

export interface LeaseWatchOptions {
  readonly client: Pick<KubeClient, "get" | "watch">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lease: ObjectKey;
  /** Its holder renews it this often. Where the watch does not tell, it is asked for after this, or up to a fifth later. */
  readonly lookMs: number;
  /** A watch over which nothing comes for this long is begun anew. */
  readonly silenceMs: number;
  /** From 0 to below 1: spreads those that ask. */
  readonly random: () => number;
  /** Each time the lease is heard of, changed or not; undefined: there is none. Synchronous. */
  readonly onSeen: (found: Lease | undefined) => void;
}

type Way = "asked for" | "watched";

const JITTER = 0.2;
/** A renewal that comes a little later than the one before is no silence. */
const SILENT_LOOKS = 1.5;
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 30_000;
/** A watch that lived this long was healthy. */
const HEALTHY_MS = 5_000;
/** The server is asked to end a watch after this to twice this, as by client-go. */
const WATCH_SECONDS = 300;

/**
 * Tells of one Lease as soon as it changes, by a watch; while nothing comes over that, for want of a right, of a connection, or of
 * anybody who renews, by asking for it. What it tells may be late, and of two answers the older may come last: whoever acts upon it
 * does so on condition of the version that was seen.
 */
export class LeaseWatch {
  readonly #options: LeaseWatchOptions;
  readonly #due: WakeUp;
  #lookAtMs = 0;
  #hurriedMs = Number.NEGATIVE_INFINITY;
  /** Events so far. */
  #events = 0;
  /** What was logged last of each way. */
  readonly #troubles = new Map<Way, string>();

  constructor(options: LeaseWatchOptions) {
    this.#options = options;
    this.#due = new WakeUp(options.clock);
  }

  /** Until `stop`; never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    await Promise.all([this.#watchAlways(stop), this.#lookWhereSilent(stop)]);
  }

  /** Asks at once, unless this was called a moment ago. */
  look(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#hurriedMs < this.#options.lookMs) return;
    this.#hurriedMs = nowMs;
    this.#lookAtMs = nowMs;
    this.#due.call();
  }

  async #lookWhereSilent(stop: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!stop.aborted) {
      const waitMs = this.#lookAtMs - clock.monotonicMs();
      // As often as an event comes it is later.
      if (waitMs > 0) await this.#due.wait(waitMs, stop);
      else await this.#lookOnce(stop);
    }
  }

  async #lookOnce(stop: AbortSignal): Promise<void> {
    const { client, lease, onSeen } = this.#options;
    const events = this.#events;
    // Before it is asked: whoever calls `look` in between wants another answer than this one.
    this.#lookAtMs = Number.POSITIVE_INFINITY;
    try {
      const found = await findLease(client, lease, stop);
      this.#troubles.delete("asked for");
      // Most likely an event that came in between is the newer.
      if (!stop.aborted && events === this.#events) onSeen(found);
    } catch (error) {
      if (!stop.aborted) this.#warn("asked for", error);
    }
    this.#lookAtMs = Math.min(this.#lookAtMs, this.#afterLooks(1));
  }

  #afterLooks(count: number): number {
    const { clock, lookMs, random } = this.#options;
    return clock.monotonicMs() + lookMs * count * (1 + JITTER * random());
  }

  async #watchAlways(stop: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    let failures = 0;
    while (!stop.aborted) {
      const beganMs = clock.monotonicMs();
      const trouble = await this.#watchOnce(stop).catch((error: unknown) => ({ error }));
      if (stop.aborted) return;
      if (trouble) this.#warn("watched", trouble.error);
      // One that the server ends at once, again and again, must not be begun anew without pause.
      const isHealthy = clock.monotonicMs() - beganMs >= HEALTHY_MS;
      failures = (isHealthy ? 0 : failures) + (isHealthy && !trouble ? 0 : 1);
      if (failures === 0) continue;
      await delay(clock, jittered(backoffMs(failures - 1, MIN_BACKOFF_MS, MAX_BACKOFF_MS), random), stop);
    }
  }

  /** Without a version to begin at, a watch begins with what is there: nothing has to be resumed, and nothing can expire. */
  async #watchOnce(stop: AbortSignal): Promise<undefined> {
    const { client, clock, lease, silenceMs, random } = this.#options;
    using watchdog = new Watchdog(clock, silenceMs);
    const options = {
      namespace: lease.namespace,
      fieldSelector: `metadata.name=${lease.name}`,
      timeoutSeconds: Math.ceil(WATCH_SECONDS * (1 + random())),
    };
    try {
      for await (const event of client.watch(leases, options, AbortSignal.any([stop, watchdog.signal]))) {
        if (stop.aborted) return;
        watchdog.touch();
        if (event.type === "ERROR") throw new ApiError(event.object);
        if (event.type !== "BOOKMARK") this.#take(event.type === "DELETED" ? undefined : event.object);
      }
    } catch (error) {
      if (!watchdog.signal.aborted) throw error;
    }
  }

  #take(found: Lease | undefined): void {
    this.#events += 1;
    this.#troubles.delete("watched");
    this.#lookAtMs = this.#afterLooks(SILENT_LOOKS);
    this.#options.onSeen(found);
  }

  /** Once for each kind of trouble, until it is over. */
  #warn(way: Way, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#troubles.get(way) === message) return;
    this.#troubles.set(way, message);
    this.#options.logger.warn(`the lease could not be ${way}`, { error: message });
  }
}

/** Undefined where there is none. */
export async function findLease(
  client: Pick<KubeClient, "get">,
  lease: ObjectKey,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  try {
    return await client.get(leases, lease, signal);
  } catch (error) {
    if (isReason(error, "NotFound")) return undefined;
    throw error;
  }
}
