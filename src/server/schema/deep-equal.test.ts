import { describe, expect, it } from "@jest/globals";
import { deepEqual } from "./deep-equal.ts";

describe("deepEqual", () => {
  it.each([
    { because: "keys may stand in any order", a: { x: 1, y: [1, { z: null }] }, b: { y: [1, { z: null }], x: 1 } },
    { because: "undefined is absent", a: { x: 1, y: undefined }, b: { x: 1 } },
    { because: "undefined is absent on the other side, too", a: { x: 1 }, b: { z: undefined, x: 1 } },
    { because: "nothing equals nothing", a: {}, b: { y: undefined } },
  ])("is true: $because", ({ a, b }) => {
    expect(deepEqual(a, b)).toBe(true);
    expect(deepEqual(b, a)).toBe(true);
  });

  it.each([
    { because: "a member is missing", a: { x: 1, y: 2 }, b: { x: 1 } },
    { because: "as many members, others", a: { x: 1, y: undefined, z: 2 }, b: { x: 1, y: 2 } },
    { because: "null is a value", a: { x: null }, b: {} },
    { because: "a list is no map", a: [], b: {} },
    { because: "items are ordered", a: [1, 2], b: [2, 1] },
    { because: "a list is longer", a: [1], b: [1, 1] },
    { because: "types differ", a: 1, b: "1" },
    { because: "inherited members do not count", a: JSON.parse('{"__proto__": {}}'), b: { x: undefined } },
    { because: "inherited members do not stand in", a: JSON.parse('{"__proto__": {}}'), b: JSON.parse('{"y": {}}') },
  ])("is false: $because", ({ a, b }) => {
    expect(deepEqual(a, b)).toBe(false);
    expect(deepEqual(b, a)).toBe(false);
  });
});
