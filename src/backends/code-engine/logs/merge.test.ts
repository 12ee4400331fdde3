import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { type LogLine, shown, stampedLine } from "./log-line.ts";
import { asItComes, byTime } from "./merge.ts";

const line = (at: number, text: string): LogLine => ({ at, stamp: new Date(at).toISOString(), text });
const BEFORE = { stamp: "2026-01-01T00:00:00Z", at: Date.UTC(2026, 0, 1) };

async function* later<T>(...items: T[]): AsyncGenerator<T> {
  for (const item of items) {
    await turn();
    yield item;
  }
}

describe("a line with its time", () => {
  it.each([
    { because: "it has nine digits", given: "2026-01-02T03:04:05.123456789Z hello  you", text: "hello  you" },
    { because: "it is empty", given: "2026-01-02T03:04:05.123456789Z ", text: "" },
    { because: "nothing follows", given: "2026-01-02T03:04:05.123456789Z", text: "" },
  ])("is read where $because", ({ given, text }) => {
    const found = stampedLine(given, BEFORE);
    expect(found).toEqual({ stamp: "2026-01-02T03:04:05.123456789Z", at: Date.UTC(2026, 0, 2, 3, 4, 5, 123), text });
    expect(shown(found, false)).toBe(text);
    expect(shown(found, true)).toBe(`2026-01-02T03:04:05.123456789Z ${text}`);
  });

  it.each(["the rest of a long line", "2026-is-no-time", ""])("is as old as the one before it: %j", (given) => {
    expect(stampedLine(given, BEFORE)).toEqual({ ...BEFORE, text: given });
  });
});

describe("lines of several sources", () => {
  it("come by time, and in the order of their source where that is equal or goes back", async () => {
    const sources = [[line(1, "a1"), line(3, "a3")], later(line(1, "b1"), line(2, "b2"), line(1, "b-late")), []];
    const merged = await Array.fromAsync(byTime(sources));
    expect(merged.map(({ text }) => text)).toEqual(["a1", "b1", "b2", "b-late", "a3"]);
  });

  it("end their sources when the reader stops, and fail with them", async () => {
    let ended = false;
    const source = (async function* () {
      try {
        for (;;) yield line(1, "again");
      } finally {
        ended = true;
      }
    })();
    for await (const _ of byTime([source])) break;
    expect(ended).toBe(true);
    const broken = (async function* (): AsyncGenerator<LogLine> {
      yield line(1, "first");
      throw new Error("gone");
    })();
    await expect(Array.fromAsync(byTime([broken, [line(5, "other")]]))).rejects.toThrow("gone");
  });
});

describe("what comes from several sources", () => {
  it("is told as it comes, also of one that joins while another is silent", async () => {
    const silence = Promise.withResolvers<void>();
    const silent = (async function* () {
      yield "first";
      await silence.promise;
      yield "last";
    })();
    const seen: string[] = [];
    for await (const item of asItComes<string>(later<AsyncIterable<string>>(silent, later("a", "b")))) {
      seen.push(item);
      if (item === "b") silence.resolve();
    }
    expect(seen.toSorted()).toEqual(["a", "b", "first", "last"]);
    expect(seen.at(-1)).toBe("last");
  });

  it("fails with any of them, and with what lists them", async () => {
    const broken = (async function* (): AsyncGenerator<string> {
      yield* [];
      throw new Error("gone");
    })();
    await expect(Array.fromAsync(asItComes<string>(later<AsyncIterable<string>>(later("a"), broken)))).rejects.toThrow(
      "gone",
    );
    const lists = (async function* (): AsyncGenerator<AsyncGenerator<string>> {
      yield later("a");
      throw new Error("no list");
    })();
    await expect(Array.fromAsync(asItComes<string>(lists))).rejects.toThrow("no list");
  });
});
