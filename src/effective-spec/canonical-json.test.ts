import { expect, it } from "@jest/globals";
import { canonicalJson } from "./canonical-json.ts";

it.each([
  {
    because: "order of members does not matter",
    value: { b: 1, a: { d: [2, 1], c: "x" } },
    want: '{"a":{"c":"x","d":[2,1]},"b":1}',
  },
  { because: "undefined members are not there", value: { a: undefined, b: null }, want: '{"b":null}' },
  { because: "text is escaped", value: 'a"b', want: '"a\\"b"' },
])("$because", ({ value, want }) => {
  expect(canonicalJson(value)).toBe(want);
});
