import { describe, expect, it } from "@jest/globals";
import { logFrames } from "./log-frames.ts";
import { logLines, MAX_LINE_BYTES } from "./log-lines.ts";

const STDOUT = 1;
const STDERR = 2;
const time = (at: number): string => `2026-01-01T00:00:0${at}.000000000Z`;

function frame(kind: number, text: string | Buffer, at = 0): Buffer {
  const payload = Buffer.concat([Buffer.from(`${time(at)} `), Buffer.from(text)]);
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function read(chunks: Iterable<Buffer>): Promise<{ time: string; text: string }[]> {
  const source = (async function* () {
    yield* chunks;
  })();
  return await Array.fromAsync(logLines(logFrames(source)));
}

/** The same bytes, however the network cuts them. */
function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("logLines", () => {
  const euro = Buffer.from("€");
  const written = Buffer.concat([
    frame(STDOUT, "one\n", 1),
    frame(STDERR, "two\r\n", 2),
    frame(STDOUT, Buffer.concat([Buffer.from("price: "), euro.subarray(0, 1)]), 3),
    frame(STDERR, "between\n", 4),
    frame(STDOUT, Buffer.concat([euro.subarray(1), Buffer.from(" 5\n")]), 5),
    frame(STDOUT, "\n", 6),
    frame(STDOUT, "without end", 7),
  ]);

  it.each([1, 2, 7, 8, 9, 64, 100_000])("reads the same however it is cut (%d bytes)", async (size) => {
    expect(await read(cut(written, size))).toEqual([
      { time: time(1), text: "one" },
      { time: time(2), text: "two" },
      { time: time(4), text: "between" },
      { time: time(3), text: "price: € 5" },
      { time: time(6), text: "" },
      { time: time(7), text: "without end" },
    ]);
  });

  it("bounds a line that does not end", async () => {
    const piece = "x".repeat(16 * 1024);
    const pieces = Array.from({ length: 9 }, () => frame(STDOUT, piece));
    const lines = await read(pieces);
    expect(lines.map(({ text }) => text.length)).toEqual([MAX_LINE_BYTES, MAX_LINE_BYTES, 16 * 1024]);
  });

  it("replaces what is no UTF-8", async () => {
    const [line] = await read([frame(STDOUT, Buffer.from([0x61, 0xff, 0x62, 0x0a]))]);
    expect(line?.text).toBe("a\ufffdb");
  });

  it("refuses what is not multiplexed", async () => {
    await expect(read([Buffer.from("plain text of a terminal\n")])).rejects.toThrow(RangeError);
  });
});
