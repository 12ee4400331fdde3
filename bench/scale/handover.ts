export interface Handover {
  /** Most replicas that acted for one shard at the same time: more than one would make things twice. */
  readonly mostActing: number;
  /** The longest that nobody acted for a shard, in seconds. */
  readonly longestGap: number;
}

export interface HandoverOptions {
  readonly shards: number;
  readonly replicas: number;
  readonly seconds: number;
  /** Seconds. Every third victim is frozen instead. */
  readonly killEvery: number;
}

/** As --lease-seconds and the renewing of a leader. All times are seconds. */
const LEASE = 15;
const RENEW_DEADLINE = 10;
const TRY_EVERY = 2;
const FROZEN = 40;
/** Until another takes the place of one that was killed. */
const REPLACED_AFTER = 30;
const STEP = 0.5;

/** The Lease of each shard, as the API server has it. */
type Leases = Map<number, { readonly at: number; readonly by: Replica }>;

class Replica {
  /** When each shard that it leads was renewed, by its own clock. */
  readonly #held = new Map<number, number>();
  #awakeAt: number;
  #nextTry: number;

  constructor(awakeAt: number, random: () => number) {
    this.#awakeAt = awakeAt;
    this.#nextTry = awakeAt + random() * TRY_EVERY;
  }

  freeze(until: number): void {
    this.#awakeAt = until;
  }

  isAwake(now: number): boolean {
    return this.#awakeAt <= now;
  }

  actsFor(shard: number, now: number): boolean {
    return this.isAwake(now) && this.#held.has(shard);
  }

  /** Looks at its own clock before anything else: what it may no longer do it does not begin. */
  step(now: number, leases: Leases, { shards, share }: { readonly shards: number; readonly share: number }): void {
    for (const [shard, renewedAt] of this.#held) if (now - renewedAt >= RENEW_DEADLINE) this.#held.delete(shard);
    if (now < this.#nextTry) return;
    this.#nextTry = now + TRY_EVERY;
    for (const shard of this.#held.keys()) this.#renew(shard, now, leases);
    for (let shard = 0; shard < shards && this.#held.size <= share; shard++) {
      const lease = leases.get(shard);
      const isFree = !lease || (lease.by !== this && now - lease.at >= LEASE);
      if (isFree) this.#renew(shard, now, leases);
    }
  }

  #renew(shard: number, now: number, leases: Leases): void {
    leases.set(shard, { at: now, by: this });
    this.#held.set(shard, now);
  }
}

/** Replicas with a Lease for each shard: whoever finds one that has run out takes it, as long as it has not far more than its share. */
export function handover(random: () => number, options: HandoverOptions): Handover {
  const { shards, replicas, seconds, killEvery } = options;
  const all = Array.from({ length: replicas }, () => new Replica(0, random));
  const leases: Leases = new Map();
  const actedAt = new Array<number>(shards).fill(0);
  let mostActing = 0;
  let longestGap = 0;
  for (let now = 0; now < seconds; now += STEP) {
    if (now > 0 && now % killEvery === 0) strike(all, now, { random, freeze: (now / killEvery) % 3 === 0 });
    const awake = all.filter((replica) => replica.isAwake(now));
    for (const replica of awake) replica.step(now, leases, { shards, share: Math.ceil(shards / awake.length) });
    for (let shard = 0; shard < shards; shard++) {
      const acting = awake.filter((replica) => replica.actsFor(shard, now)).length;
      if (acting > 0) actedAt[shard] = now;
      mostActing = Math.max(mostActing, acting);
      longestGap = Math.max(longestGap, now - (actedAt[shard] ?? 0));
    }
  }
  return { mostActing, longestGap };
}

function strike(all: Replica[], now: number, { random, freeze }: { random: () => number; freeze: boolean }): void {
  const at = Math.floor(random() * all.length);
  if (freeze) all[at]?.freeze(now + FROZEN);
  else all[at] = new Replica(now + REPLACED_AFTER, random);
}
