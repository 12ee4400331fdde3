import { expect, it } from "@jest/globals";
import { randomFrom } from "../../test/support/random.ts";
import { BytePieces } from "./byte-pieces.ts";

it.each([
  { because: "there is none", sizes: [] },
  { because: "there is one", sizes: [3] },
  { because: "they are tiny", sizes: Array<number>(100_000).fill(1) },
  { because: "they are long", sizes: Array<number>(600).fill(4_096) },
  { because: "some are empty", sizes: [0, 1, 0, 0, 2] },
])("pieces are the bytes that came, in their order: $because", ({ sizes }) => {
  const random = randomFrom(3);
  const came = sizes.map((size) => Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256))));
  const pieces = new BytePieces();
  for (const piece of came) pieces.push(piece);
  const want = Buffer.concat(came);
  expect(pieces.bytes).toBe(want.length);
  expect(pieces.take().equals(want)).toBe(true);
  expect([pieces.bytes, pieces.count, pieces.take().length]).toEqual([0, 0, 0]);
});

it("are few however tiny they come", () => {
  const pieces = new BytePieces();
  for (let n = 0; n < 1_000_000; n += 1) pieces.push(Buffer.of(n % 256));
  expect(pieces.count).toBeLessThan(5_000);
});

it("are not copied before they are wanted where they are long", () => {
  const pieces = new BytePieces();
  const long = Buffer.alloc(64 * 1024);
  for (let n = 0; n < 1_000; n += 1) pieces.push(long);
  expect(pieces.count).toBe(1_000);
});
