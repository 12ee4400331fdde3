import { describe, expect, it } from "@jest/globals";
import type { Series } from "../client/resources/samples.ts";
import { countRequests } from "./count-requests.ts";

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 0, 1, 12);

/** A value for each of the minutes before now, the last of them `lag` minutes ago. */
function series(status: string, values: readonly number[], lag = 5): Series {
  const samples = values.map((value, index) => ({
    at: NOW - (lag + values.length - 1 - index) * MINUTE_MS,
    value,
  }));
  return { labels: { ibm_codeengine_status: status }, samples };
}
const always = (value: number, minutes = 50): number[] => Array.from({ length: minutes }, () => value);
const PRESENCE = [series("", always(1))];

describe("requests of the last ten minutes", () => {
  it.each<{ because: string; requests: readonly Series[]; want: Readonly<Record<string, number>> }>([
    {
      because: "what grew counts, of each status and revision",
      requests: [
        series("200", [...always(100, 30), 101, 103, 107]),
        series("204", [...always(5, 30), 6]),
        series("200", [...always(1, 30), 2]),
        series("503", [...always(0, 30), 4]),
      ],
      want: { "2xx": 9, "5xx": 4 },
    },
    { because: "nothing grew", requests: [series("200", always(7))], want: {} },
    { because: "there never was one", requests: [], want: {} },
    { because: "what grew before is over", requests: [series("200", [1, 50, ...always(90, 11)])], want: {} },
    {
      because: "the sample at the beginning is where it begins",
      requests: [series("200", [1, 50, ...always(90, 10)])],
      want: { "2xx": 40 },
    },
    { because: "a status is new", requests: [series("500", [2, 3])], want: { "5xx": 3 } },
    { because: "a total began anew", requests: [series("200", [...always(90, 20), 95, 2, 4])], want: { "2xx": 9 } },
    { because: "a status is none", requests: [series("", [...always(1, 20), 2])], want: { other: 1 } },
  ])("are those by which totals grew: $because", ({ requests, want }) => {
    const found = countRequests({ requests, presence: PRESENCE, madeAt: undefined, now: NOW });
    expect(found).toEqual({
      total: Object.values(want).reduce((sum, count) => sum + count, 0),
      byStatus: want,
      spanSeconds: 600,
      until: new Date(NOW - 5 * MINUTE_MS).toISOString(),
    });
  });

  it.each([
    { because: "the app was there before it was measured", madeAt: NOW - 60 * MINUTE_MS, total: 2 },
    { because: "nobody tells since when the app is there", madeAt: undefined, total: 2 },
    { because: "the app is as new", madeAt: NOW - 8 * MINUTE_MS, total: 1_002 },
  ])("take the first total for what it is, where $because", ({ madeAt, total }) => {
    const presence = [series("", [1, 1, 1])];
    const requests = [series("200", [1_000, 1_001, 1_002])];
    expect(countRequests({ requests, presence, madeAt, now: NOW })).toMatchObject({ total });
  });

  it.each([
    { because: "there is nothing", presence: [] },
    { because: "a series is empty", presence: [series("", [])] },
    { because: "the newest is older than half an hour", presence: [series("", always(1), 31)] },
  ])("are not known where $because", ({ presence }) => {
    expect(countRequests({ requests: [], presence, madeAt: NOW, now: NOW })).toBeUndefined();
  });
});
