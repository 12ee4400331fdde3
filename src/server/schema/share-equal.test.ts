import { describe, expect, it } from "@jest/globals";
import { shareEqual } from "./share-equal.ts";

describe("shareEqual", () => {
  it.each([
    { because: "it is the same", value: { a: [1, { b: null }] }, old: { a: [1, { b: null }] } },
    { because: "keys stand in another order", value: { a: 1, b: { c: 2, d: 3 } }, old: { b: { d: 3, c: 2 }, a: 1 } },
    { because: "a member is undefined", value: { a: 1, b: undefined }, old: { a: 1 } },
    { because: "it is empty", value: {}, old: {} },
  ])("returns the old value where $because", ({ value, old }) => {
    expect(shareEqual(value, old)).toBe(old);
  });

  it("shares what did not change, and keeps what did", () => {
    const old = { same: { deep: [1, 2] }, list: [{ a: 1 }, { b: 2 }], gone: 1, changed: "x" };
    const value = { same: { deep: [1, 2] }, list: [{ a: 1 }, { b: 3 }, 4], changed: "y", added: {} };
    const shared = shareEqual(value, old) as typeof value;
    expect(shared).toBe(value);
    expect(shared).toEqual({ same: { deep: [1, 2] }, list: [{ a: 1 }, { b: 3 }, 4], changed: "y", added: {} });
    expect(shared.same).toBe(old.same);
    expect(shared.list[0]).toBe(old.list[0]);
    expect(old).toEqual({ same: { deep: [1, 2] }, list: [{ a: 1 }, { b: 2 }], gone: 1, changed: "x" });
  });

  it.each<{ because: string; value: unknown; old: unknown }>([
    { because: "a list is shorter", value: [1], old: [1, 2] },
    { because: "a field is gone", value: { a: 1 }, old: { a: 1, b: 2 } },
    { because: "a null is no absence", value: { a: null }, old: {} },
    { because: "a list is no object", value: [], old: {} },
    { because: "there is no old value", value: {}, old: undefined },
    { because: "the name is one that every object has", value: { toString: 1 }, old: {} },
  ])("returns the new value where $because", ({ value, old }) => {
    expect(shareEqual(value, old)).toBe(value);
  });
});
