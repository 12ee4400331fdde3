import { describe, expect, it } from "@jest/globals";
import { lastLines } from "./last-lines.ts";

async function* numbered(count: number) {
  for (let at = 1; at <= count; at += 1) yield { time: `t${at}`, text: `line ${at}` };
}

describe("lastLines", () => {
  it.each([
    { because: "fewer are asked for than there are", count: 3, of: 1000, want: ["line 998", "line 999", "line 1000"] },
    { because: "fewer are there than are asked for", count: 3, of: 2, want: ["line 1", "line 2"] },
    { because: "none is asked for", count: 0, of: 5, want: [] },
  ])("keeps the last ones where $because", async ({ count, of, want }) => {
    const { lines, last } = await lastLines(numbered(of), count);
    expect(lines.map(({ text }) => text)).toEqual(want);
    expect(last).toBe(`t${of}`);
  });

  it("keeps no more than its bound, the newest", async () => {
    const { lines } = await lastLines(numbered(9), 9, 12);
    expect(lines.map(({ text }) => text)).toEqual(["line 8", "line 9"]);
  });

  it("tells no time where there is no line", async () => {
    expect(await lastLines(numbered(0), 5)).toEqual({ lines: [], last: "" });
  });
});
