import { describe, expect, it } from "@jest/globals";
import { LineCutter } from "./line-cutter.ts";

const cut = (chunks: readonly Buffer[]) => {
  const cutter = new LineCutter();
  return { lines: chunks.flatMap((chunk) => cutter.push(chunk)), pending: cutter.pendingBytes };
};

describe("a stream", () => {
  const umlaut = Buffer.from("ü\n");

  it.each([
    { because: "several in a chunk", chunks: [Buffer.from("a\nb\n")], lines: ["a", "b"], pending: 0 },
    { because: "one in several chunks", chunks: [Buffer.from("a"), Buffer.from("b\n")], lines: ["ab"], pending: 0 },
    {
      because: "a character in two chunks",
      chunks: [umlaut.subarray(0, 1), umlaut.subarray(1)],
      lines: ["ü"],
      pending: 0,
    },
    { because: "ends of Windows", chunks: [Buffer.from("a\r"), Buffer.from("\nb\r\n")], lines: ["a", "b"], pending: 0 },
    { because: "an empty one is one", chunks: [Buffer.from("\n\n")], lines: ["", ""], pending: 0 },
    { because: "half a line waits", chunks: [Buffer.from("a\nbc")], lines: ["a"], pending: 2 },
  ])("is cut into lines: $because", ({ chunks, lines, pending }) => {
    expect(cut(chunks)).toEqual({ lines, pending });
  });

  it("hands out half a line where it is asked for", () => {
    const cutter = new LineCutter();
    cutter.push(Buffer.from("a\nbc"));
    expect([cutter.take(), cutter.pendingBytes]).toEqual(["bc", 0]);
  });
});
