import { describe, expect, it } from "@jest/globals";
import type { BuildState } from "../../backends/build.ts";
import {
  type BuildCourse,
  type BuildRecord,
  type BuildWanted,
  buildNews,
  courseOf,
  isUnwanted,
  recordOf,
} from "./build-record.ts";

const WANTED: BuildWanted = { key: "k", backend: "ce", circumstances: ["1", "2"] };
const IMAGE = "registry.test/files@sha256:1";
const record = (patch: Partial<BuildRecord> = {}): BuildRecord => ({
  ...{ key: "k", backend: "ce", phase: "Running", attempt: 2, id: "run-2", circumstances: ["1", "2"] },
  ...patch,
});
const times = { startedAt: "2026-01-01T12:00:00Z", completedAt: "2026-01-01T12:01:00Z" };
const note = { reason: "BuildFailed", message: "mend it" };

describe("the course of a build", () => {
  it.each<{ because: string; before: BuildRecord | undefined; want: BuildCourse }>([
    { because: "nothing was built yet", before: undefined, want: { kind: "ask", attempt: 1 } },
    { because: "it runs", before: record(), want: { kind: "ask", attempt: 2 } },
    { because: "it waits", before: record({ phase: "Waiting" }), want: { kind: "ask", attempt: 2 } },
    { because: "it runs elsewhere", before: record({ backend: "other" }), want: { kind: "ask", attempt: 1 } },
    { because: "something else runs", before: record({ key: "other" }), want: { kind: "ask", attempt: 1 } },
    {
      because: "it is built",
      before: record({ phase: "Succeeded", image: IMAGE, circumstances: ["0"] }),
      want: { kind: "built", image: { pinned: IMAGE } },
    },
    {
      because: "it was built elsewhere",
      before: record({ phase: "Succeeded", image: IMAGE, backend: "other" }),
      want: { kind: "built", image: { pinned: IMAGE } },
    },
    {
      because: "something else is built",
      before: record({ phase: "Succeeded", image: IMAGE, key: "other" }),
      want: { kind: "ask", attempt: 1 },
    },
    { because: "it failed", before: record({ phase: "Failed", ...note }), want: { kind: "failed", note } },
    {
      because: "it failed with another Secret",
      before: record({ phase: "Failed", ...note, circumstances: ["1", "1"] }),
      want: { kind: "ask", attempt: 3 },
    },
    {
      because: "it failed elsewhere",
      before: record({ phase: "Failed", ...note, backend: "other" }),
      want: { kind: "ask", attempt: 1 },
    },
  ])("follows from the status: $because", ({ before, want }) => {
    expect(courseOf(before, WANTED)).toEqual(want);
  });
});

describe("a build", () => {
  const here = { isGit: true, isStopped: false, backend: "ce" };
  it.each<{ because: string; phase: BuildRecord["phase"]; asked: Partial<typeof here>; want: boolean }>([
    { because: "it runs", phase: "Running", asked: {}, want: false },
    { because: "nobody can say where it runs", phase: "Running", asked: { backend: undefined } as object, want: false },
    { because: "an image is the source", phase: "Succeeded", asked: { isGit: false }, want: true },
    { because: "it runs where it is not asked for", phase: "Running", asked: { backend: "b" }, want: true },
    { because: "it failed where it is not asked for", phase: "Failed", asked: { backend: "b" }, want: true },
    { because: "its image can be taken along", phase: "Succeeded", asked: { backend: "b" }, want: false },
    { because: "nothing is to run", phase: "Waiting", asked: { isStopped: true }, want: true },
    { because: "it says why it failed", phase: "Failed", asked: { isStopped: true }, want: false },
    { because: "it is there for the next start", phase: "Succeeded", asked: { isStopped: true }, want: false },
  ])("is unwanted: $want, since $because", ({ phase, asked, want }) => {
    expect(isUnwanted(record({ phase }), { ...here, ...asked })).toBe(want);
  });
});

describe("the record of a build", () => {
  const seen = (state: BuildState, more: Partial<Parameters<typeof recordOf>[1]> = {}) => ({
    ...{ wanted: WANTED, attempt: 2, state, note: undefined, logTail: [] },
    ...more,
  });
  const failed = (retryable: boolean): BuildState => ({ id: "run-2", ...times, kind: "failed", ...note, retryable });

  it.each<{ because: string; state: BuildState; want: BuildRecord }>([
    {
      because: "it waits",
      state: { id: "run-2", startedAt: undefined, kind: "waiting", message: "m" },
      want: record({ phase: "Waiting" }),
    },
    {
      because: "it runs",
      state: { id: "run-2", startedAt: times.startedAt, kind: "running", message: "m" },
      want: record({ startedAt: times.startedAt }),
    },
    {
      because: "it is built",
      state: { id: "run-2", ...times, kind: "built", image: { pinned: IMAGE }, commit: "c" },
      want: record({ phase: "Succeeded", ...times, image: IMAGE, commit: "c" }),
    },
  ])("says how it stands: $because", ({ state, want }) => {
    expect(recordOf(undefined, seen(state))).toEqual(want);
  });

  it("keeps why it failed for good, and the end of its log", () => {
    const want = record({ phase: "Failed", ...times, ...note, logTail: ["x"] });
    expect(recordOf(undefined, seen(failed(false), { note, logTail: ["x"] }))).toEqual(want);
  });

  it("is of the next attempt where that may succeed", () => {
    const { id: _, ...rest } = record({ phase: "Waiting", attempt: 3, ...note, logTail: ["x"] });
    expect(recordOf(undefined, seen(failed(true), { note, logTail: ["x"] }))).toEqual(rest);
  });

  it("keeps the Secrets that a run was begun with, and takes the newer ones for the next", () => {
    const before = record({ circumstances: ["0", "0"] });
    const running: BuildState = { id: "run-2", startedAt: undefined, kind: "running", message: "" };
    expect(recordOf(before, seen(running)).circumstances).toEqual(["0", "0"]);
    expect(recordOf(before, seen({ ...running, id: "run-3" })).circumstances).toEqual(["1", "2"]);
  });

  it("stays within the bounds of the schema, whatever a place says", () => {
    const long = "x".repeat(10_000);
    const made = recordOf(undefined, seen({ ...failed(false), id: long }, { note: { ...note, message: long } }));
    expect([made.id?.length, made.message?.length]).toEqual([253, 4096]);
  });
});

describe("the event of a build", () => {
  const { id: _, ...waiting } = record({ phase: "Waiting", ...note, attempt: 3 });
  it.each<{ because: string; before?: BuildRecord; after?: BuildRecord; want: string | undefined }>([
    { because: "nothing is built", want: undefined },
    { because: "it began", after: record(), want: "BuildStarted" },
    { because: "it runs after it has waited", before: record({ phase: "Waiting" }), after: record(), want: undefined },
    { because: "nothing is new", before: record(), after: record(), want: undefined },
    {
      because: "it is built",
      before: record(),
      after: record({ phase: "Succeeded", image: IMAGE }),
      want: "BuildSucceeded",
    },
    { because: "it failed", before: record(), after: record({ phase: "Failed", ...note }), want: "BuildFailed" },
    { because: "it is to be tried again", before: record(), after: waiting, want: "BuildFailed" },
    { because: "it is tried again", before: waiting, after: record({ attempt: 3, id: "run-3" }), want: "BuildStarted" },
    {
      because: "another is built",
      before: record(),
      after: record({ key: "other", id: "run-3" }),
      want: "BuildStarted",
    },
  ])("is told once: $because", ({ before, after, want }) => {
    expect(buildNews(before, after)?.reason).toBe(want);
  });
});
