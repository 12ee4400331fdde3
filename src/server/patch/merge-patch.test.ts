import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { applyMergePatch } from "./merge-patch.ts";

it.each([
  { because: "objects merge", patch: { a: { y: 2 } }, want: { a: { x: 1, y: 2 }, b: [1] } },
  { because: "null removes", patch: { a: { x: null }, b: null }, want: { a: {} } },
  { because: "lists replace", patch: { b: [2] }, want: { a: { x: 1 }, b: [2] } },
  { because: "an object replaces what is none", patch: { b: { z: 1 } }, want: { a: { x: 1 }, b: { z: 1 } } },
  {
    because: "nulls of new objects are left out",
    patch: { c: { d: null, e: 1 } },
    want: { a: { x: 1 }, b: [1], c: { e: 1 } },
  },
])("$because", ({ patch, want }) => {
  const document = { a: { x: 1 }, b: [1] };
  expect(applyMergePatch(document, patch)).toEqual(want);
  expect(document).toEqual({ a: { x: 1 }, b: [1] });
});

it.each([
  {
    patch: [1],
    message: "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
  },
  {
    patch: "x",
    message: "error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}",
  },
  { patch: null, message: "Invalid JSON Patch" },
])("refuses $patch", ({ patch, message }) => {
  expect(() => applyMergePatch({}, patch)).toThrow(expect.objectContaining({ code: 400, message }));
});

it("changes nothing the second time", () => {
  const objects = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue());
  fc.assert(
    fc.property(objects, objects, (document, patch) => {
      const once = applyMergePatch(document, patch);
      expect(applyMergePatch(once, patch)).toEqual(once);
    }),
  );
});
