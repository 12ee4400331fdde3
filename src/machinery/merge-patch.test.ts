import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { jsonEqual } from "./json-equal.ts";
import { mergePatch } from "./merge-patch.ts";

type Json = Record<string, unknown>;

/** RFC 7386, section 2, to the letter. */
function apply(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result = new Map(typeof target === "object" && !Array.isArray(target) ? Object.entries(target ?? {}) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, apply(result.get(key), value));
  }
  return Object.fromEntries(result);
}

const leaf = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.integer(),
  fc.boolean(),
  fc.array(fc.integer(), { maxLength: 2 }),
);
const key = fc.constantFrom("a", "b", "c", "__proto__", "toString");
const object: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.dictionary(key, fc.oneof({ depthSize: "small" }, leaf, tie("node")), { maxKeys: 4, noNullPrototype: true }),
})).node;

describe("mergePatch", () => {
  it.each([
    {
      because: "nothing differs, whatever the order",
      before: { a: 1, b: { c: [1] } },
      after: { b: { c: [1] }, a: 1 },
      want: undefined,
    },
    { because: "undefined is absent", before: { a: 1 }, after: { a: 1, b: undefined }, want: undefined },
    {
      because: "only what differs is named",
      before: { a: { b: 1, c: 2 }, d: 3 },
      after: { a: { b: 1, c: 4 }, d: 3 },
      want: { a: { c: 4 } },
    },
    { because: "null removes", before: { a: 1, b: { c: 1 } }, after: { b: {} }, want: { a: null, b: { c: null } } },
    { because: "lists are replaced whole", before: { a: [1, 2] }, after: { a: [1] }, want: { a: [1] } },
    {
      because: "an object takes the place of a list",
      before: { a: [1] },
      after: { a: { b: 1 } },
      want: { a: { b: 1 } },
    },
  ])("says the least: $because", ({ before, after, want }) => {
    expect(mergePatch(before, after)).toEqual(want);
  });

  it("turns any object into any other, and is nothing exactly when they are equal", () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        const patch = mergePatch(before, after);
        expect(jsonEqual(apply(before, patch ?? {}), after)).toBe(true);
        expect(patch === undefined).toBe(jsonEqual(before, after));
      }),
    );
  });
});
