import { describe, expect, it } from "@jest/globals";
import { firstPeriodMs, nextDelayMs } from "./schedule.ts";
import type { Assessment } from "./verdict.ts";

const failure = { reason: "ProbeRefused", message: "" } as const;
const target = { periodMs: 30_000, failureThreshold: 3 };

const ready = (failuresInARow: number): Assessment => ({ verdict: { kind: "ready", mcp: undefined }, failuresInARow });
const failed = (failuresInARow: number): Assessment => ({ verdict: { kind: "failed", failure }, failuresInARow });
const pending = (failuresInARow: number): Assessment => ({
  verdict: { kind: "pending", failures: failuresInARow, failure },
  failuresInARow,
});

describe("nextDelayMs", () => {
  it.each([
    { because: "the first step of a start is 100 ms", state: pending(1), want: 100 },
    { because: "a start is asked less often as it takes longer", state: pending(3), want: 225 },
    { because: "a start is asked at least once a second for a minute", state: pending(30), want: 1_000 },
    { because: "what never answered ends at the period", state: pending(200), want: 30_000 },
    { because: "a count of failures without end stays a number", state: pending(1e9), want: 30_000 },
    { because: "a server that works is asked once a period", state: ready(0), want: 30_000 },
    { because: "doubt is settled sooner", state: ready(1), want: 15_000 },
    { because: "a server that has just failed may be back soon", state: failed(3), want: 1_000 },
    { because: "a dead one costs less and less", state: failed(6), want: 8_000 },
    { because: "but is asked once a period", state: failed(1e9), want: 30_000 },
  ])("$because", ({ state, want }) => {
    expect(nextDelayMs(state, target, 0)).toBe(want);
  });

  it("never asks later than the period, and spreads what is in step", () => {
    const delays = [0, 0.25, 0.5, 0.999].map((random) => nextDelayMs(ready(0), target, random));
    expect(Math.max(...delays)).toBeLessThanOrEqual(30_000);
    expect(new Set(delays).size).toBe(4);
  });

  it("does not slow a start down below a short period", () => {
    expect(nextDelayMs(pending(1e9), { ...target, periodMs: 500 }, 0)).toBe(1_000);
  });

  it("finds a dead server within period × threshold, timeouts included", () => {
    const timeoutMs = 5_000;
    let elapsedMs = nextDelayMs(ready(0), target, 0) + timeoutMs;
    for (let failures = 1; failures < target.failureThreshold; failures += 1) {
      elapsedMs += nextDelayMs(ready(failures), target, 0) + timeoutMs;
    }
    expect(elapsedMs).toBeLessThanOrEqual(target.periodMs * target.failureThreshold);
  });
});

describe("firstPeriodMs", () => {
  it("cuts the first period anywhere within it", () => {
    expect(firstPeriodMs(30_000, 0)).toBe(3_000);
    expect(firstPeriodMs(30_000, 0.999_999)).toBeLessThanOrEqual(30_000);
  });
});
