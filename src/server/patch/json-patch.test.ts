import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { applyJsonPatch } from "./json-patch.ts";
import { PatchError } from "./patch-error.ts";

const UNPROCESSABLE = "the server rejected our request due to an error in our request";

it.each([
  { because: "a member is added", ops: [{ op: "add", path: "/b", value: 1 }], want: { a: ["x", "y"], b: 1 } },
  { because: "an item is inserted", ops: [{ op: "add", path: "/a/1", value: "z" }], want: { a: ["x", "z", "y"] } },
  { because: "a dash appends", ops: [{ op: "add", path: "/a/-", value: "z" }], want: { a: ["x", "y", "z"] } },
  {
    because: "negative indices count from the end",
    ops: [{ op: "replace", path: "/a/-1", value: "z" }],
    want: { a: ["x", "z"] },
  },
  {
    because: "a missing member is added by replace",
    ops: [{ op: "replace", path: "/b", value: 1 }],
    want: { a: ["x", "y"], b: 1 },
  },
  {
    because: "escapes name slashes and tildes",
    ops: [{ op: "add", path: "/c~1d~0e", value: 1 }],
    want: { a: ["x", "y"], "c/d~e": 1 },
  },
  { because: "an item moves", ops: [{ op: "move", from: "/a/0", path: "/b" }], want: { a: ["y"], b: "x" } },
  {
    because: "a value is copied",
    ops: [{ op: "copy", from: "/a", path: "/b" }],
    want: { a: ["x", "y"], b: ["x", "y"] },
  },
  { because: "a missing member equals null", ops: [{ op: "test", path: "/b", value: null }], want: { a: ["x", "y"] } },
  { because: "add without a value adds null", ops: [{ op: "add", path: "/b" }], want: { a: ["x", "y"], b: null } },
  { because: "the whole document is replaced", ops: [{ op: "replace", path: "", value: { z: 1 } }], want: { z: 1 } },
  { because: "null is no operation at all", ops: null, want: { a: ["x", "y"] } },
])("$because", ({ ops, want }) => {
  const document = { a: ["x", "y"] };
  expect(applyJsonPatch(document, ops)).toEqual(want);
  expect(document).toEqual({ a: ["x", "y"] });
});

it.each([
  { because: "a test fails", ops: [{ op: "test", path: "/a", value: 1 }], code: 422, message: UNPROCESSABLE },
  { because: "a parent is missing", ops: [{ op: "add", path: "/b/c", value: 1 }], code: 422, message: UNPROCESSABLE },
  { because: "what is removed is missing", ops: [{ op: "remove", path: "/b" }], code: 422, message: UNPROCESSABLE },
  {
    because: "an index is beyond the end",
    ops: [{ op: "add", path: "/a/5", value: 1 }],
    code: 422,
    message: UNPROCESSABLE,
  },
  { because: "an operation is unknown", ops: [{ op: "insert", path: "/b" }], code: 422, message: UNPROCESSABLE },
  { because: "a path is missing", ops: [{ op: "add", value: 1 }], code: 422, message: UNPROCESSABLE },
  {
    because: "a path leads to the prototype",
    ops: [{ op: "add", path: "/__proto__/x", value: 1 }],
    code: 422,
    message: UNPROCESSABLE,
  },
  {
    because: "it is no list",
    ops: { op: "add" },
    code: 400,
    message: "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
  },
  {
    because: "there are too many",
    ops: Array.from({ length: 10_001 }, () => null),
    code: 413,
    message: "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
  },
])("is refused when $because", ({ ops, code, message }) => {
  const attempt = () => applyJsonPatch({ a: ["x", "y"] }, ops);
  expect(attempt).toThrow(PatchError);
  expect(attempt).toThrow(expect.objectContaining({ code, message }));
});

describe("copies", () => {
  it("do not blow an object up beyond the limit of a request", () => {
    const document = { a: "x".repeat(1_000_000) };
    const ops = Array.from({ length: 20 }, (_, index) => ({ op: "copy", from: "/a", path: `/b${index}` }));
    expect(() => applyJsonPatch(document, ops)).toThrow(UNPROCESSABLE);
  });

  it("do not share what they copied", () => {
    const ops = [
      { op: "copy", from: "/a", path: "/b" },
      { op: "add", path: "/b/x", value: 1 },
    ];
    expect(applyJsonPatch({ a: {} }, ops)).toEqual({ a: {}, b: { x: 1 } });
  });
});

it("undoes an add with a remove", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("a", "b", "c~/d"), fc.jsonValue()), fc.jsonValue(), (document, value) => {
      const ops = [
        { op: "add", path: "/new", value },
        { op: "remove", path: "/new" },
      ];
      expect(applyJsonPatch(document, ops)).toEqual(document);
    }),
  );
});
