import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "@jest/globals";
import { AttachedStream } from "./attached-stream.ts";

/** A stream, and the Engine's end of it. */
async function attached(): Promise<{ stream: AttachedStream; engine: Socket } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [engine] = (await accepted) as [Socket];
  engine.on("error", () => undefined);
  return {
    stream: new AttachedStream(near),
    engine,
    async [Symbol.asyncDispose]() {
      near.destroy();
      engine.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function frame(text: string): Buffer {
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

describe("AttachedStream", () => {
  it("ends, with all that was said before, when the Engine ends it", async () => {
    await using pair = await attached();
    pair.engine.end(Buffer.concat([frame("last "), frame("words")]));
    expect(String(await buffer(pair.stream))).toBe("last words");
    await pair.stream.released;
  });

  it("is let go of only when all that was written has been passed on", async () => {
    await using pair = await attached();
    const text = "x".repeat(4 * 1024 * 1024);
    pair.stream.write(text);
    pair.stream.destroy();
    const passedOn = await buffer(pair.engine);
    expect(passedOn.length).toBe(text.length);
    expect(await Promise.race([pair.stream.released.then(() => "released"), "not yet"])).toBe("not yet");
    pair.engine.end();
    await pair.stream.released;
  });

  it("does not wait for long for an Engine that reads nothing", async () => {
    await using pair = await attached();
    pair.stream.write(Buffer.alloc(16 * 1024 * 1024));
    pair.stream.destroy();
    await pair.stream.released;
    expect(pair.stream.destroyed).toBe(true);
  });

  it("fails with what is no stream of frames", async () => {
    await using pair = await attached();
    pair.engine.write("plain text, as of a terminal");
    await expect(buffer(pair.stream)).rejects.toThrow(RangeError);
    await pair.stream.released;
  });

  it("ends when the connection is torn", async () => {
    await using pair = await attached();
    pair.engine.resetAndDestroy();
    await expect(buffer(pair.stream)).rejects.toMatchObject({ code: "ECONNRESET" });
    await pair.stream.released;
  });
});
