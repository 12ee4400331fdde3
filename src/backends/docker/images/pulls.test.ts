import { PassThrough } from "node:stream";
import { setImmediate as settled } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { parseImageReference } from "../../../api/image-reference.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { Pulls, SILENCE_MS } from "./pulls.ts";

const owner = { uid: "one", namespace: "a", name: "b" };
const second = { ...owner, uid: "two" };
const image = parseImageReference(`ghcr.io/x@sha256:${"a".repeat(64)}`);
const request = { image, sources: [{ reference: image, credentials: undefined }], tag: undefined };

/** Pulls on an Engine whose streams the test writes itself. */
function world() {
  const streams: PassThrough[] = [];
  const engine = {
    async open(_pool: string, _work: unknown, { signal }: { signal: AbortSignal }) {
      const stream = new PassThrough();
      signal.addEventListener("abort", () => stream.destroy(signal.reason));
      streams.push(stream);
      return stream;
    },
    explain: (_operation: string, error: unknown) => error,
  } as unknown as EngineClient;
  const clock = new FakeClock();
  const told: string[] = [];
  const pulls = new Pulls({ engine, clock, onChange: ({ uid }) => told.push(uid) });
  const say = async (message: object): Promise<void> => {
    streams.at(-1)?.write(`${JSON.stringify(message)}\n`);
    await settled();
    await settled();
  };
  return { pulls, clock, told, streams, say };
}

const layer = (current: number) => ({ id: "l", status: "Downloading", progressDetail: { current, total: 100 } });

describe("Pulls", () => {
  it("is one pull for all who wait, and tells each of its end", async () => {
    const { pulls, told, streams, say } = world();
    pulls.progress(owner, request);
    pulls.progress(second, request);
    await settled();
    expect(streams).toHaveLength(1);
    await say(layer(40));
    expect(pulls.progress(owner, request)).toMatchObject({ bytesDone: 40, bytesTotal: 100 });
    streams[0]?.end();
    await settled();
    await settled();
    expect(told).toEqual(["one", "two"]);
    expect(pulls.finishing(owner, image)).toBeUndefined();
  });

  it("tells of progress at most every two seconds", async () => {
    const { pulls, clock, told, say } = world();
    pulls.progress(owner, request);
    await settled();
    for (let step = 1; step <= 40; step += 1) {
      await clock.advance(100);
      await say(layer(step));
    }
    expect(told).toEqual(["one", "one"]);
  });

  it("gives up a pull that says nothing, and only that", async () => {
    const { pulls, clock, streams, say } = world();
    pulls.progress(owner, request);
    await settled();
    await clock.advance(SILENCE_MS - 1);
    await say(layer(1));
    await clock.advance(SILENCE_MS - 1);
    expect(streams[0]?.destroyed).toBe(false);
    await clock.advance(1);
    await settled();
    expect(streams[0]?.destroyed).toBe(true);
    expect(() => pulls.progress(owner, request)).toThrow(
      expect.objectContaining({ reason: "ImagePullFailed", message: expect.stringContaining("no progress") }),
    );
    expect(clock.pending).toBe(0);
  });

  it("goes to the next source when one fails", async () => {
    const { pulls, streams, say } = world();
    const mirror = { reference: parseImageReference(`127.0.0.1:1/x@${image.digest}`), credentials: undefined };
    pulls.progress(owner, { ...request, sources: [mirror, ...request.sources] });
    await settled();
    await say({ error: "manifest unknown" });
    expect(streams).toHaveLength(2);
    await say(layer(5));
    expect(pulls.progress(owner, { ...request, sources: [mirror, ...request.sources] }).bytesDone).toBe(5);
  });

  it("ends with its backend, and tells nobody any more", async () => {
    const { pulls, told, streams } = world();
    pulls.progress(owner, request);
    await settled();
    pulls[Symbol.dispose]();
    await settled();
    await settled();
    expect(streams[0]?.destroyed).toBe(true);
    expect(told).toEqual([]);
  });
});
