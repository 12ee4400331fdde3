import { describe, expect, it } from "@jest/globals";
import { FrameReader } from "./frame-reader.ts";

function frame(kind: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

const all = Buffer.concat([frame(1, "one "), frame(2, "an error"), frame(1, ""), frame(1, "two "), frame(1, "three")]);

describe("FrameReader", () => {
  it("finds standard output wherever the bytes are cut", () => {
    for (let size = 1; size <= all.length; size += 1) {
      const frames = new FrameReader();
      const pieces: Buffer[] = [];
      for (let at = 0; at < all.length; at += size) pieces.push(...frames.read(all.subarray(at, at + size)));
      expect({ size, text: Buffer.concat(pieces).toString() }).toEqual({ size, text: "one two three" });
    }
  });

  it("hands on what is there of a frame that has only begun", () => {
    const frames = new FrameReader();
    expect([...frames.read(frame(1, "begun").subarray(0, 10))].join()).toBe("be");
  });

  it.each([
    { because: "a terminal's output has no frames", bytes: Buffer.from("plain text of a terminal") },
    { because: "no frame is that long", bytes: Buffer.from([1, 0, 0, 0, 255, 255, 255, 255]) },
  ])("refuses what is no multiplexed stream: $because", ({ bytes }) => {
    expect(() => [...new FrameReader().read(bytes)]).toThrow(RangeError);
  });
});
