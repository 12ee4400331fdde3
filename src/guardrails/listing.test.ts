import { expect, it } from "@jest/globals";
import { clipped, listing } from "./listing.ts";

it.each([
  { items: [], want: "none" },
  { items: [8080, 9090], want: "8080, 9090" },
  { items: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], want: "1, 2, 3, 4, 5, 6, 7, 8 and 2 more" },
])("lists $items as $want", ({ items, want }) => {
  expect(listing(items)).toBe(want);
});

it("cuts what is too long", () => {
  expect(clipped("abcd", 4)).toBe("abcd");
  expect(clipped("abcde", 4)).toBe("abc…");
  expect(listing(["x".repeat(500)])).toHaveLength(100);
});
