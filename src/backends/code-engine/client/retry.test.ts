import { describe, expect, it } from "@jest/globals";
import { parseRetryAfter, retryDelayMs } from "./retry.ts";

const now = new Date("2026-01-01T00:00:00Z");

describe("Retry-After", () => {
  it.each([
    { header: "0", ms: 0, because: "at once is a time, too" },
    { header: " 7 ", ms: 7_000, because: "it counts seconds" },
    { header: "Thu, 01 Jan 2026 00:01:00 GMT", ms: 60_000, because: "it may be a date" },
    { header: "Wed, 31 Dec 2025 23:59:00 GMT", ms: 0, because: "the date has passed" },
    { header: "999999999", ms: 3_600_000, because: "nobody waits for a year" },
    { header: "soon", ms: undefined, because: "it is no time" },
    { header: "", ms: undefined, because: "it is empty" },
    { header: undefined, ms: undefined, because: "there is none" },
  ])("$header is $ms: $because", ({ header, ms }) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });
});

describe("the wait before another attempt", () => {
  const policy = { attempts: 4, baseMs: 100, capMs: 1_000 };
  it.each([
    { because: "the first is short", failures: 1, from: 50, to: 100 },
    { because: "it doubles", failures: 3, from: 200, to: 400 },
    { because: "it has an end", failures: 30, from: 500, to: 1_000 },
    { because: "the service decides", failures: 1, retryAfterMs: 5_000, from: 5_000, to: 5_025 },
  ])("is between $from and $to ms: $because", ({ failures, retryAfterMs, from, to }) => {
    const wait = (random: number) => retryDelayMs(policy, failures, { retryAfterMs, random: () => random });
    expect([wait(0), wait(1)]).toEqual([from, to]);
  });
});
