import { describe, expect, it } from "@jest/globals";
import { LineCutter, LineTooLong } from "./line-cutter.ts";

const cut = (chunks: readonly Buffer[], max = 100) => {
  const cutter = new LineCutter(max);
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

  it("is refused where a line is too long, ended or not", () => {
    expect(() => cut([Buffer.from("abc")], 2)).toThrow(LineTooLong);
    expect(() => cut([Buffer.from("abc\n")], 2)).toThrow(LineTooLong);
  });
});
