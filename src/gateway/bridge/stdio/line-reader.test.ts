import { describe, expect, it } from "@jest/globals";
import { randomFrom } from "../../../../test/support/random.ts";
import { LineReader } from "./line-reader.ts";

function readerOf(maxBytes = 8) {
  const seen: string[] = [];
  const reader = new LineReader({
    maxBytes,
    onLine: (line) => seen.push(line),
    onTooLong: () => seen.push("too long"),
  });
  return { seen, push: (text: string | Uint8Array) => reader.push(Buffer.from(text)) };
}

describe("lines of a byte stream", () => {
  it.each([
    { because: "one chunk holds several", chunks: ["a\nb\n\nc\n"], want: ["a", "b", "", "c"] },
    { because: "one line comes in several chunks", chunks: ["a", "b", "c\n"], want: ["abc"] },
    { because: "the last has not ended", chunks: ["a\nb"], want: ["a"] },
    { because: "one is as long as may be", chunks: ["12345678\n"], want: ["12345678"] },
    { because: "one is longer", chunks: ["123456789\nb\n"], want: ["too long", "b"] },
    {
      because: "one is longer by far, in pieces",
      chunks: ["12345", "6789", "0123456789", "9\nb\n"],
      want: ["too long", "b"],
    },
  ])("$because", ({ chunks, want }) => {
    const { seen, push } = readerOf();
    for (const chunk of chunks) push(chunk);
    expect(seen).toEqual(want);
  });

  it("makes the same of bytes however they are cut", () => {
    const random = randomFrom(7);
    const lines = Array.from({ length: 200 }, (_, n) => `${n} é€😀 ${"x".repeat(Math.floor(random() * 50))}`);
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    const { seen, push } = readerOf(1_000);
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + Math.floor(random() * 7);
      push(bytes.subarray(at, at + size));
      at += size;
    }
    expect(seen).toEqual(lines);
  });
});
