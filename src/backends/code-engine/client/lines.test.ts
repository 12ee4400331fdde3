import { Readable } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { lines, MAX_LINE_BYTES } from "./lines.ts";

async function read(...chunks: readonly (string | Buffer)[]): Promise<string[]> {
  return await Array.fromAsync(lines(Readable.from(chunks.map((chunk) => Buffer.from(chunk)))));
}

const euro = Buffer.from("€");

describe("lines", () => {
  it.each([
    { because: "chunks end where lines do", chunks: ["a\n", "b\n"], want: ["a", "b"] },
    { because: "a line comes in pieces", chunks: ["a", "b", "c\nd", "\n"], want: ["abc", "d"] },
    { because: "many lines come at once", chunks: ["a\nb\n\nc"], want: ["a", "b", "", "c"] },
    { because: "there is nothing", chunks: [], want: [] },
    { because: "Windows ends lines with two characters", chunks: ["a\r\nb\r", "\nc"], want: ["a", "b", "c"] },
    { because: "a character is cut in two", chunks: [euro.subarray(0, 1), euro.subarray(1), "\n"], want: ["€"] },
  ])("$because", async ({ chunks, want }) => {
    expect(await read(...chunks)).toEqual(want);
  });

  it("are handed on in pieces when they do not end", async () => {
    const long = "x".repeat(MAX_LINE_BYTES);
    expect(await read(`${long}yy`, `${long}\nz\n`)).toEqual([long, `yy${"x".repeat(MAX_LINE_BYTES - 2)}`, "xx", "z"]);
  });

  it("of just that length are whole", async () => {
    const long = "x".repeat(MAX_LINE_BYTES);
    expect(await read(`${long}\nz\n`)).toEqual([long, "z"]);
  });
});
