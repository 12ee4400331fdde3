import { describe, expect, it } from "@jest/globals";
import { cpuMillisBetween, statsSample } from "./stats-sample.ts";

const READ = "2026-01-01T00:00:01.5Z";
const AT_MS = Date.UTC(2026, 0, 1, 0, 0, 1, 500);
const cpu_stats = { cpu_usage: { total_usage: 5_000_000 } };

describe("a sample of a container's use", () => {
  it.each([
    {
      because: "cgroup v1 tells the cache of all",
      memory: { usage: 100, stats: { total_inactive_file: 30, inactive_file: 5 } },
      want: 70,
    },
    { because: "cgroup v2 tells it", memory: { usage: 100, stats: { inactive_file: 40, anon: 10 } }, want: 60 },
    { because: "there is no cache", memory: { usage: 100, stats: {} }, want: 100 },
    { because: "the cache is counted elsewhere", memory: { usage: 100, stats: { inactive_file: 200 } }, want: 100 },
    { because: "memory is not counted", memory: {}, want: undefined },
    { because: "it makes no sense", memory: { usage: "much" }, want: undefined },
  ])("has the memory that docker stats shows where $because", ({ memory, want }) => {
    const found = statsSample({ read: READ, cpu_stats, memory_stats: memory });
    expect(found).toEqual({ atMs: AT_MS, cpuNanos: 5_000_000, memoryBytes: want });
  });

  it.each([
    {
      because: "the container has ended",
      answer: { read: "0001-01-01T00:00:00Z", cpu_stats: { cpu_usage: { total_usage: 0 } } },
    },
    { because: "it is empty", answer: {} },
    { because: "it is none", answer: "no" },
  ])("is none where $because", ({ answer }) => {
    expect(statsSample(answer)).toBeUndefined();
  });

  it.each([
    { because: "half of a core", before: [0, 0], after: [1_000, 500_000_000], want: 500 },
    { because: "two cores", before: [1_000, 7], after: [1_500, 1_000_000_007], want: 2_000 },
    { because: "nothing", before: [0, 9], after: [1_000, 9], want: 0 },
    { because: "unknown where it started anew", before: [0, 9], after: [1_000, 3], want: undefined },
    { because: "unknown within no time", before: [5, 9], after: [5, 10], want: undefined },
    { because: "unknown where nobody counts", before: [0, undefined], after: [1_000, 3], want: undefined },
  ])("between two, makes $because", ({ before, after, want }) => {
    const of = ([atMs = 0, cpuNanos]: readonly (number | undefined)[]) => ({ atMs, cpuNanos, memoryBytes: 1 });
    expect(cpuMillisBetween(of(before), of(after))).toBe(want);
  });
});
