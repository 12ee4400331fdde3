import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { LogFiles } from "./log-files.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-log-"));
});
afterEach(() => rm(directory, { recursive: true }));

const now = () => new Date("2026-01-02T03:04:05Z");
const never = new AbortController().signal;
const ALL = { tail: undefined, follow: false, timestamps: false };
const logOf = (bounds = { fileBytes: 1_000_000, files: 3 }) => new LogFiles(directory, { now, bounds });

async function linesOf(log: LogFiles, reading = {}): Promise<string[]> {
  return await Array.fromAsync(log.read({ ...ALL, ...reading }, never));
}

describe("a log", () => {
  it.each([
    { because: "all that is kept", reading: {}, want: ["a", "b", "c d"] },
    { because: "the last lines", reading: { tail: 2 }, want: ["b", "c d"] },
    { because: "none at all", reading: { tail: 0 }, want: [] },
    { because: "with times", reading: { tail: 1, timestamps: true }, want: ["2026-01-02T03:04:05.000Z c d"] },
  ])("is read: $because", async ({ reading, want }) => {
    const log = logOf();
    await log.append(["a", "b"]);
    await log.append(["c d"]);
    expect(await linesOf(log, reading)).toEqual(want);
    await log.close();
  });

  it("is empty where nothing was written", async () => {
    expect(await linesOf(new LogFiles(join(directory, "none"), { now }))).toEqual([]);
  });

  it("goes on after a restart of this program", async () => {
    const first = logOf();
    await first.append(["before"]);
    await first.close();
    const second = logOf();
    await second.append(["after"]);
    expect(await linesOf(second)).toEqual(["before", "after"]);
    await second.close();
  });

  it("takes no more than its bounds, and keeps the newest", async () => {
    const log = logOf({ fileBytes: 100, files: 3 });
    for (let line = 0; line < 100; line++) await log.append([`line ${line}`]);
    expect(await readdir(directory)).toHaveLength(3);
    const kept = await linesOf(log);
    expect(kept.length).toBeLessThan(15);
    expect(kept.at(-1)).toBe("line 99");
    await log.close();
  });

  it("is followed across its files, every line once, until it is closed", async () => {
    const log = logOf({ fileBytes: 100, files: 3 });
    await log.append(["old", "last"]);
    const followed: string[] = [];
    const first = Promise.withResolvers<void>();
    const taken: { resolve: () => void } = { resolve: first.resolve };
    const following = (async () => {
      for await (const line of log.read({ ...ALL, tail: 1, follow: true }, never)) {
        followed.push(line);
        taken.resolve();
      }
    })();
    await first.promise;
    for (let line = 0; line < 20; line++) {
      const next = Promise.withResolvers<void>();
      taken.resolve = next.resolve;
      await log.append([`line ${line}`]);
      await next.promise;
    }
    await log.close();
    await following;
    expect(followed).toEqual(["last", ...Array.from({ length: 20 }, (_, line) => `line ${line}`)]);
  });

  it("is no longer followed once nobody wants it", async () => {
    const log = logOf();
    const gone = new AbortController();
    const following = Array.fromAsync(log.read({ ...ALL, follow: true }, gone.signal));
    gone.abort();
    expect(await following).toEqual([]);
    await log.close();
  });
});
