import { describe, expect, it } from "@jest/globals";
import type { Condition } from "../api/meta.ts";
import { getCondition, type NextCondition, removeCondition, setCondition } from "./conditions.ts";

const now = new Date("2026-03-04T05:06:07.890Z");
const next: NextCondition = { type: "Ready", status: "True", reason: "Connected", message: "m", observedGeneration: 2 };
const ready: Condition = { ...next, lastTransitionTime: "2026-01-01T00:00:00Z" };
const other: Condition = { ...ready, type: "Accepted" };

describe("setCondition", () => {
  it.each([
    {
      because: "it is new",
      before: [other],
      next,
      want: [other, { ...next, lastTransitionTime: "2026-03-04T05:06:07Z" }],
    },
    {
      because: "its status turned",
      before: [{ ...ready, status: "False" as const }, other],
      next,
      want: [{ ...next, lastTransitionTime: "2026-03-04T05:06:07Z" }, other],
    },
    {
      because: "the time stays where the status does",
      before: [ready],
      next: { ...next, reason: "ProbeSucceeded", message: "n", observedGeneration: 3 },
      want: [{ ...ready, reason: "ProbeSucceeded", message: "n", observedGeneration: 3 }],
    },
  ])("puts it in place: $because", ({ before, next, want }) => {
    expect(setCondition(before, next, now)).toEqual(want);
  });

  it("answers the same array when nothing changes", () => {
    const before = [other, ready];
    expect(setCondition(before, next, now)).toBe(before);
  });

  it("keeps a message within what the API server takes", () => {
    const [condition] = setCondition([], { ...next, message: "x".repeat(40_000) }, now);
    expect(condition?.message).toHaveLength(32_768);
    expect(condition?.message.endsWith("…")).toBe(true);
  });
});

describe("removeCondition", () => {
  it("takes out one type, and answers the same array where it is not in", () => {
    const before = [other, ready];
    expect(removeCondition(before, "Ready")).toEqual([other]);
    expect(removeCondition(before, "Stalled")).toBe(before);
  });
});

describe("getCondition", () => {
  it("finds one type, also where there are no conditions yet", () => {
    expect(getCondition([other, ready], "Ready")).toBe(ready);
    expect(getCondition([other], "Ready")).toBeUndefined();
    expect(getCondition(undefined, "Ready")).toBeUndefined();
  });
});
