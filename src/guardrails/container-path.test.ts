import { describe, expect, it } from "@jest/globals";
import { isAtOrBelow, normalPath } from "./container-path.ts";

describe("normalPath", () => {
  it.each([
    { path: "/data", want: "/data" },
    { path: "//data//x/", want: "/data/x" },
    { path: "/", want: "/" },
    { path: "/..data/.x", want: "/..data/.x" },
  ])("$path is $want", ({ path, want }) => {
    expect(normalPath(path)).toBe(want);
  });

  it.each(["data", "", "/data/..", "/./data", "/data/../../etc", "/data\n/x", "/data\u202e"])("refuses %j", (path) => {
    expect(() => normalPath(path)).toThrow(RangeError);
  });
});

it.each([
  { path: "/data", root: "/data", want: true, because: "the same" },
  { path: "/data/x", root: "/data", want: true, because: "below" },
  { path: "/database", root: "/data", want: false, because: "whole segments" },
  { path: "/", root: "/data", want: false, because: "above" },
  { path: "/anything", root: "/", want: true, because: "everything is below the root" },
])("$path at or below $root: $want, $because", ({ path, root, want }) => {
  expect(isAtOrBelow(path, root)).toBe(want);
});
