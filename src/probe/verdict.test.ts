import { describe, expect, it } from "@jest/globals";
import type { McpFacts, ProbeFailure, ProbeVerdict } from "./prober.ts";
import { type Assessment, assess, type ProbeOutcome, sameVerdict, UNKNOWN } from "./verdict.ts";

const refused: ProbeFailure = { reason: "ProbeRefused", message: "nobody" };
const timeout: ProbeFailure = { reason: "ProbeTimeout", message: "late" };
const facts: McpFacts = {
  protocolVersion: "2025-11-25",
  serverInfo: { name: "a", version: "1" },
  tools: 2,
  toolNames: ["x", "y"],
};
const yes: ProbeOutcome = { kind: "answered", mcp: facts };
const no: ProbeOutcome = { kind: "failed", failure: refused };
const late: ProbeOutcome = { kind: "failed", failure: timeout };

const assessed = (...outcomes: ProbeOutcome[]): Assessment =>
  outcomes.reduce((state, outcome) => assess(state, outcome, 3), UNKNOWN);

describe("assess", () => {
  it.each<{ because: string; outcomes: ProbeOutcome[]; want: ProbeVerdict }>([
    { because: "nothing is known at first", outcomes: [], want: { kind: "pending", failures: 0, failure: undefined } },
    {
      because: "a start is no failure, however long",
      outcomes: [no, no, no, late],
      want: { kind: "pending", failures: 4, failure: timeout },
    },
    { because: "the first success is enough", outcomes: [no, yes], want: { kind: "ready", mcp: facts } },
    { because: "below the threshold it stays ready", outcomes: [yes, no, no], want: { kind: "ready", mcp: facts } },
    {
      because: "a success starts the count again",
      outcomes: [yes, no, no, yes, no, no],
      want: { kind: "ready", mcp: facts },
    },
    {
      because: "the threshold turns it off",
      outcomes: [yes, no, no, late],
      want: { kind: "failed", failure: timeout },
    },
    { because: "one success turns it on again", outcomes: [yes, no, no, no, yes], want: { kind: "ready", mcp: facts } },
    {
      because: "the last failure is the one that is shown",
      outcomes: [yes, no, no, no, late],
      want: { kind: "failed", failure: timeout },
    },
  ])("$because", ({ outcomes, want }) => {
    expect(assessed(...outcomes).verdict).toEqual(want);
  });

  it("keeps only reason and message of a failure", () => {
    const error = Object.assign(new Error("nobody"), { reason: "ProbeRefused" as const, cause: "body" });
    expect(Object.keys(assessed({ kind: "failed", failure: error }).verdict)).toEqual(["kind", "failures", "failure"]);
    expect(assessed({ kind: "failed", failure: error }).verdict).toEqual({
      kind: "pending",
      failures: 1,
      failure: refused,
    });
  });
});

describe("sameVerdict", () => {
  const ready: ProbeVerdict = { kind: "ready", mcp: facts };
  it.each<{ because: string; a: ProbeVerdict; b: ProbeVerdict; want: boolean }>([
    { because: "equal facts are no news", a: ready, b: { kind: "ready", mcp: structuredClone(facts) }, want: true },
    {
      because: "one more attempt is no news",
      a: { kind: "pending", failures: 1, failure: refused },
      b: { kind: "pending", failures: 2, failure: { ...refused } },
      want: true,
    },
    { because: "another kind is news", a: ready, b: { kind: "failed", failure: refused }, want: false },
    {
      because: "another reason is news",
      a: { kind: "failed", failure: refused },
      b: { kind: "failed", failure: timeout },
      want: false,
    },
    {
      because: "a tool renamed is news",
      a: ready,
      b: { kind: "ready", mcp: { ...facts, toolNames: ["x", "z"] } },
      want: false,
    },
    { because: "a tool more is news", a: ready, b: { kind: "ready", mcp: { ...facts, tools: 3 } }, want: false },
    {
      because: "an upgrade is news",
      a: ready,
      b: { kind: "ready", mcp: { ...facts, serverInfo: { name: "a", version: "2" } } },
      want: false,
    },
    { because: "facts that went are news", a: ready, b: { kind: "ready", mcp: undefined }, want: false },
  ])("$because", ({ a, b, want }) => {
    expect(sameVerdict(a, b)).toBe(want);
  });
});
