import { describe, expect, it } from "@jest/globals";
import { handover } from "../../bench/scale/handover.ts";
import { byRemainder, byRendezvous, cluster, moved, spread } from "../../bench/scale/sharding.ts";
import { randomFrom } from "../support/random.ts";

/** What docs/design/scale.md says of the sharding plan. */
describe("shards of namespaces", () => {
  const seeds = Array.from({ length: 10 }, (_, seed) => seed + 1);

  it.each([
    { shards: 2, most: 1.4 },
    { shards: 4, most: 1.7 },
    { shards: 8, most: 2.5 },
  ])("leave the largest of $shards at most $most times its even part", ({ shards, most }) => {
    const all = seeds.map((seed) => spread(cluster(randomFrom(seed), 1_000, 100_000), shards, byRendezvous));
    expect(Math.max(...all.map(({ imbalance }) => imbalance))).toBeLessThan(most);
  });

  it("move little when one is added, and a remainder almost all", () => {
    const parts = (place: typeof byRemainder) =>
      seeds.map((seed) => moved(cluster(randomFrom(seed), 1_000, 100_000), 4, place));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    // A fifth is what the fifth shard is to have.
    expect(mean(parts(byRendezvous))).toBeLessThan(0.3);
    expect(mean(parts(byRemainder))).toBeGreaterThan(0.7);
  });

  it("are never acted for by two, whoever is killed or frozen, and never by nobody for longer than a failover", () => {
    for (const seed of seeds) {
      const given = { shards: 8, replicas: 4, seconds: 1_800, killEvery: 60 };
      const { mostActing, longestGap } = handover(randomFrom(seed), given);
      expect(mostActing).toBe(1);
      // The lease, one attempt, and another replica's when the first is full.
      expect(longestGap).toBeLessThanOrEqual(15 + 2 * 2 + 0.5);
    }
  });
});
