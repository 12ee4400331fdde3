import { describe, expect, it } from "@jest/globals";
import { scanOf } from "./scan.ts";

describe("what a scanner wrote", () => {
  it.each([
    { because: "there is none", given: undefined, kept: undefined },
    { because: "it is empty", given: "  ", kept: undefined },
    { because: "it is an object", given: '{"critical":0}', kept: { critical: 0 } },
    { because: "it is a list", given: "[1]", kept: { text: "[1]" } },
    { because: "it is no JSON", given: "2 high", kept: { text: "2 high" } },
  ])("is kept as it is understood, since $because", ({ given, kept }) => {
    expect(scanOf(given)).toEqual(kept);
  });

  it("is cut where it is long, whatever it is", () => {
    const kept = scanOf(JSON.stringify({ all: "x".repeat(100_000) }));
    expect(Object.keys(kept ?? {})).toEqual(["text"]);
    expect(JSON.stringify(kept).length).toBeLessThan(40_000);
  });
});
