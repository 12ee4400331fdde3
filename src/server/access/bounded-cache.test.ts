import { describe, expect, it } from "@jest/globals";
import { BoundedCache } from "./bounded-cache.ts";

describe("BoundedCache", () => {
  it("makes room by forgetting what was used longest ago", () => {
    const cache = new BoundedCache<string, number>(2);
    cache.set("a", 1);
    cache.set("b", 2);
    expect(cache.get("a")).toBe(1);
    cache.set("c", 3);
    expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([1, undefined, 3]);
  });

  it("counts a key once, however often it is set", () => {
    const cache = new BoundedCache<string, number>(2);
    for (let value = 0; value < 10; value++) cache.set("a", value);
    cache.set("b", 1);
    expect([cache.get("a"), cache.get("b")]).toEqual([9, 1]);
  });

  it("forgets on request", () => {
    const cache = new BoundedCache<string, number>(2);
    cache.set("a", 1);
    cache.delete("a");
    expect(cache.get("a")).toBeUndefined();
    cache.set("b", 2);
    cache.clear();
    expect(cache.get("b")).toBeUndefined();
  });

  it("needs room for something", () => {
    expect(() => new BoundedCache(0)).toThrow(RangeError);
  });
});
