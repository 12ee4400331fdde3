import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { jsonEqual } from "../machinery/json-equal.ts";
import { applyJsonPatch } from "../server/patch/json-patch.ts";
import { patchBetween } from "./json-patch.ts";

describe("a patch", () => {
  it.each<{ because: string; before: object; after: object; want: object[] }>([
    { because: "nothing changed", before: { a: [1] }, after: { a: [1] }, want: [] },
    {
      because: "members come, go and change at any depth",
      before: { metadata: { annotations: { a: "1", b: "2" } } },
      after: { metadata: { annotations: { a: "3", "slipway.dev/x~y": "4" } } },
      want: [
        { op: "replace", path: "/metadata/annotations/a", value: "3" },
        { op: "remove", path: "/metadata/annotations/b" },
        { op: "add", path: "/metadata/annotations/slipway.dev~1x~0y", value: "4" },
      ],
    },
    {
      because: "a list is one value",
      before: { spec: { decisions: [] } },
      after: { spec: { decisions: [{ by: "a" }] } },
      want: [{ op: "replace", path: "/spec/decisions", value: [{ by: "a" }] }],
    },
  ])("$because", ({ before, after, want }) => {
    expect(patchBetween(before, after)).toEqual(want);
  });

  it("makes the one object of the other, as a server applies it", () => {
    // No server applies a patch to that member.
    const object = () =>
      fc
        .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
        .filter((value) => !JSON.stringify(value).includes("__proto__"));
    fc.assert(
      fc.property(object(), object(), (a, b) => {
        const [before, after] = JSON.parse(JSON.stringify([a, b])) as [Record<string, unknown>, object];
        expect(jsonEqual(applyJsonPatch(before, patchBetween(before, after)), after)).toBe(true);
      }),
    );
  });
});
