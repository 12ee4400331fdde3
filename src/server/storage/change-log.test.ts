import { describe, expect, it } from "@jest/globals";
import { ChangeLog } from "./change-log.ts";
import type { Change } from "./store.ts";

const limits = { maxAgeMs: 1000, maxBytes: 10_000, maxChanges: 10 };

function change(revision: number, bytes = 0): Change {
  const stored = { resource: "r", key: "k", id: 1, revision: revision - 1, json: "x".repeat(bytes), shape: "" };
  return { revision, resource: revision % 2 === 0 ? "even" : "odd", key: "k", current: undefined, previous: stored };
}

describe("ChangeLog", () => {
  it("finds changes of one resource after a revision", () => {
    const log = new ChangeLog(0, limits);
    for (const revision of [1, 2, 4, 7, 8]) log.append(change(revision), 0);
    expect(log.since(2, "even").map(({ revision }) => revision)).toEqual([4, 8]);
    expect(log.since(8, "even")).toEqual([]);
  });

  it.each([
    { because: "nothing is over its bounds", count: 10, bytes: 10, want: false },
    { because: "changes are a few more than may stay", count: 12, bytes: 10, want: false },
    { because: "changes are many more than may stay", count: 13, bytes: 10, want: true },
    { because: "they hold far more than they may", count: 5, bytes: 3000, want: true },
  ])("says whether it must be compacted at once: $because", ({ count, bytes, want }) => {
    const log = new ChangeLog(0, limits);
    for (let revision = 1; revision <= count; revision++) log.append(change(revision, bytes), 0);
    expect(log.isOverfull).toBe(want);
    log.compact(0);
    expect(log.isOverfull).toBe(false);
  });

  it.each([
    { because: "nothing is over its bounds", now: 500, count: 5, bytes: 10, want: undefined },
    { because: "the first ones are too old", now: 1002, count: 5, bytes: 10, want: 2 },
    { because: "there are too many", now: 10, count: 14, bytes: 10, want: 4 },
    { because: "they hold too much", now: 10, count: 5, bytes: 3000, want: 2 },
    { because: "all are too old, but the latest keeps the count", now: 1_000_000, count: 5, bytes: 10, want: 4 },
    { because: "the clock jumped back", now: -1_000_000, count: 14, bytes: 10, want: 4 },
  ])("compacts as $because", ({ now, count, bytes, want }) => {
    const log = new ChangeLog(0, limits);
    for (let revision = 1; revision <= count; revision++) log.append(change(revision, bytes), revision - 1);
    expect(log.compact(now)).toBe(want);
    expect(log.floor).toBe(want ?? 0);
  });
});
