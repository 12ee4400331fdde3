import { createHash } from "node:crypto";

/** One way of spreading namespaces over shards: each namespace belongs to one of them, whoever asks. */
export type Placement = (namespace: string, shards: number) => number;

/** Rendezvous hashing: the shard whose hash with the namespace is highest. Another shard takes its part of each, and moves nothing else. */
export const byRendezvous: Placement = (namespace, shards) => {
  let best = 0;
  let highest = -1;
  for (let shard = 0; shard < shards; shard++) {
    const weight = hashOf(`${shard}/${namespace}`);
    if (weight > highest) [best, highest] = [shard, weight];
  }
  return best;
};

/** The remainder of a hash: simpler, and almost everything moves with the number of shards. */
export const byRemainder: Placement = (namespace, shards) => hashOf(namespace) % shards;

/** 48 bits, which a number holds exactly. */
function hashOf(text: string): number {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}

export interface Namespace {
  readonly name: string;
  readonly deployments: number;
}

/** Namespaces of a cluster, whose sizes fall as 1/rank: a few are large, most are small. */
export function cluster(random: () => number, namespaces: number, deployments: number): Namespace[] {
  const weights = Array.from({ length: namespaces }, (_, rank) => (0.5 + random()) / (rank + 1));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight, rank) => ({
    name: `team-${rank}-${Math.floor(random() * 1e6)}`,
    deployments: Math.max(1, Math.round((deployments * weight) / sum)),
  }));
}

export interface Spread {
  /** Deployments of the largest shard over those of an even one. */
  readonly imbalance: number;
  /** The same, had the largest namespace a shard for itself: no placement of whole namespaces is better than this. */
  readonly floor: number;
}

export function spread(all: readonly Namespace[], shards: number, place: Placement): Spread {
  const loads = new Array<number>(shards).fill(0);
  for (const { name, deployments } of all) {
    const shard = place(name, shards);
    loads[shard] = (loads[shard] ?? 0) + deployments;
  }
  const even = loads.reduce((sum, load) => sum + load, 0) / shards;
  const largest = Math.max(...all.map(({ deployments }) => deployments));
  return { imbalance: Math.max(...loads) / even, floor: Math.max(1, largest / even) };
}

/** The part of all deployments that has another shard when one is added. */
export function moved(all: readonly Namespace[], shards: number, place: Placement): number {
  const total = all.reduce((sum, { deployments }) => sum + deployments, 0);
  const moving = all.filter(({ name }) => place(name, shards) !== place(name, shards + 1));
  return moving.reduce((sum, { deployments }) => sum + deployments, 0) / total;
}
