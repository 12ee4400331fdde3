import { describe, expect, it } from "@jest/globals";
import type { Workload } from "../../backends/backend.ts";
import { countRestarts, type StartRecord } from "./restarts.ts";

const workload = (patch: Partial<Workload>): Workload => ({
  id: "a",
  owner: { uid: "u", namespace: "n", name: "d" },
  role: "current",
  hash: "h",
  generation: 1,
  image: { pinned: "sha256:1" },
  guardrails: undefined,
  state: { kind: "running" },
  startedAt: "2026-01-01T00:00:00Z",
  platformRestarts: 0,
  hostPort: 1,
  address: "127.0.0.1:1",
  drift: [],
  ...patch,
});
const record = (patch: Partial<StartRecord>): StartRecord => ({
  id: "a",
  startedAt: "2026-01-01T00:00:00Z",
  platformRestarts: 0,
  count: 3,
  ...patch,
});
const LATER = "2026-01-01T00:01:00Z";

describe("countRestarts", () => {
  it.each([
    {
      because: "nothing ran before: the first start was asked for",
      before: record({ id: undefined, count: 0 }),
      now: {},
      asked: false,
      want: 0,
    },
    { because: "the same process still runs", before: record({}), now: {}, asked: false, want: 3 },
    {
      because: "the Engine started it again",
      before: record({}),
      now: { startedAt: LATER, platformRestarts: 1 },
      asked: false,
      want: 4,
    },
    {
      because: "the Engine started it thrice between two looks",
      before: record({ platformRestarts: 1 }),
      now: { startedAt: LATER, platformRestarts: 4 },
      asked: false,
      want: 6,
    },
    {
      because: "it was stopped by hand and repaired",
      before: record({ platformRestarts: 2 }),
      now: { startedAt: LATER, platformRestarts: 2 },
      asked: false,
      want: 4,
    },
    {
      because: "the Engine's counter began again",
      before: record({ platformRestarts: 5 }),
      now: { startedAt: LATER, platformRestarts: 0 },
      asked: false,
      want: 4,
    },
    {
      because: "the controller was down while it happened",
      before: record({ platformRestarts: undefined }),
      now: { startedAt: LATER, platformRestarts: 7 },
      asked: false,
      want: 4,
    },
    {
      because: "it was removed and made again",
      before: record({}),
      now: { id: "b", startedAt: LATER },
      asked: false,
      want: 4,
    },
    {
      because: "an update made a new one",
      before: record({}),
      now: { id: "b", startedAt: LATER },
      asked: true,
      want: 3,
    },
    {
      because: "the new one of an update crashed meanwhile",
      before: record({}),
      now: { id: "b", startedAt: LATER, platformRestarts: 2 },
      asked: true,
      want: 5,
    },
    { because: "a stop was taken back", before: record({}), now: { startedAt: LATER }, asked: true, want: 3 },
    {
      because: "it never started",
      before: record({ startedAt: undefined }),
      now: { startedAt: undefined },
      asked: false,
      want: 3,
    },
    {
      because: "it started for the first time",
      before: record({ startedAt: undefined }),
      now: {},
      asked: false,
      want: 3,
    },
  ])("$want when $because", ({ before, now, asked, want }) => {
    expect(countRestarts(before, workload(now), asked).count).toBe(want);
  });

  it("keeps what it knows while nothing runs", () => {
    expect(countRestarts(record({}), undefined, false)).toEqual(record({}));
  });

  it("counts nothing twice", () => {
    const once = countRestarts(record({}), workload({ startedAt: LATER, platformRestarts: 2 }), false);
    expect(countRestarts(once, workload({ startedAt: LATER, platformRestarts: 2 }), false)).toEqual(once);
  });
});
