import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import type { LogQuery } from "../client/cloud-logs.ts";
import { CodeEngineError } from "../client/errors.ts";
import type { LogRecord } from "../client/resources/log-records.ts";
import { LogHistory, MOST_LINES } from "./log-history.ts";

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const REQUEST = { projectId: "p", app: "files", known: new Map<string, number>(), wanted: 100 };

const record = (time: string | undefined, text: string, pod = "a"): LogRecord => ({
  ...{ time, text, pod },
  ...{ level: undefined, stream: undefined, revision: undefined },
});

/** A history that answers by the span that is asked for, newest span last. */
function history(answer: (query: LogQuery) => readonly LogRecord[] | Error | "silence") {
  const clock = new FakeClock();
  const asked: LogQuery[] = [];
  const { logger, lines: log } = recordingLogger();
  const logs = {
    async *query(query: LogQuery): AsyncGenerator<LogRecord, void, undefined> {
      asked.push(query);
      const found = answer(query);
      if (found instanceof Error) throw found;
      if (found === "silence") await new Promise(() => undefined);
      else yield* found;
    },
  };
  return { clock, asked, log, history: new LogHistory({ logs, clock, logger }) };
}

const refusal = (more: Partial<CodeEngineError>) =>
  new CodeEngineError({
    ...{ kind: "terminal", service: "IBM Cloud Logs", operation: "query the history", said: "no", trace: "t-1" },
    ...more,
  });

describe("the history of a log", () => {
  it("asks one app's last eight days, and answers by time", async () => {
    const use = history(() => [record("2025-12-31T10:00:02Z", "two"), record("2025-12-31T10:00:01Z", "one")]);
    expect((await use.history.lines(REQUEST, never)).map(({ text }) => text)).toEqual(["one", "two"]);
    expect(use.asked).toHaveLength(1);
    const [{ query, start, end } = { query: "", start: new Date(0), end: new Date(0) }] = use.asked;
    expect(query).toBe('app:"codeengine" AND codeengine.projectGuid:"p" AND codeengine.component:"files"');
    expect(end.getTime() - start.getTime()).toBe(8 * DAY_MS);
    expect(use.history.aspect).toMatchObject({ available: true, type: "LogHistoryAvailable" });
  });

  it.each([
    { because: "the time has no zone", time: "2025-12-31T10:00:00.5", stamp: "2025-12-31T10:00:00.500Z" },
    { because: "it is another zone's", time: "2025-12-31T10:00:00+02:00", stamp: "2025-12-31T08:00:00.000Z" },
    { because: "there is no time", time: undefined, stamp: undefined },
    { because: "it is none", time: "yesterday", stamp: undefined },
  ])("understands a record where $because", async ({ time, stamp }) => {
    const use = history(() => [record(time, "text\n")]);
    const want = stamp === undefined ? [] : [{ stamp, at: Date.parse(stamp), text: "text" }];
    expect(await use.history.lines(REQUEST, never)).toEqual(want);
  });

  it("leaves out what an instance tells itself", async () => {
    const use = history(() => [
      record("2025-12-31T10:00:00Z", "earlier run of a"),
      record("2025-12-31T10:00:05Z", "a tells"),
      record("2025-12-31T10:00:05Z", "of another", "b"),
    ]);
    const known = new Map([["a", Date.parse("2025-12-31T10:00:05Z")]]);
    const lines = await use.history.lines({ ...REQUEST, known }, never);
    expect(lines.map(({ text }) => text)).toEqual(["earlier run of a", "of another"]);
  });

  it("narrows the span until an answer is whole, since others may lack the newest lines", async () => {
    const many = Array.from({ length: MOST_LINES }, () => record("2025-12-25T00:00:00Z", "old"));
    const use = history(({ start, end }) =>
      end.getTime() - start.getTime() > DAY_MS ? many : [record("2025-12-31T23:00:00Z", "new")],
    );
    const lines = await use.history.lines({ ...REQUEST, wanted: 2 }, never);
    expect(use.asked).toHaveLength(2);
    expect(lines.at(-1)).toMatchObject({ text: "new" });
    expect(lines.at(-2)).toMatchObject({ text: "old" });
    expect((await use.history.lines({ ...REQUEST, wanted: 1 }, never)).map(({ text }) => text)).toEqual(["new"]);
  });

  it("asks four times at most", async () => {
    const many = Array.from({ length: MOST_LINES }, () => record("2025-12-31T23:59:59Z", "x"));
    const use = history(() => many);
    await use.history.lines(REQUEST, never);
    expect(use.asked).toHaveLength(4);
  });

  it.each([
    { because: "it is refused", error: refusal({ status: 403 }), reason: "Forbidden", remedy: "role Reader" },
    {
      because: "the key is refused",
      error: refusal({ kind: "unauthorized", status: 401 }),
      reason: "Forbidden",
      remedy: "role Reader",
    },
    {
      because: "there are too many queries",
      error: refusal({ kind: "throttled", status: 429 }),
      reason: "Throttled",
      remedy: "tries it again",
    },
    {
      because: "it is broken",
      error: refusal({ kind: "transient", status: 500 }),
      reason: "BackendError",
      remedy: "tries it again",
    },
  ])("is missed without harm where $because", async ({ error, reason, remedy }) => {
    const use = history(() => error);
    expect(await use.history.lines(REQUEST, never)).toEqual([]);
    const { message, ...told } = use.history.aspect ?? { message: "" };
    expect(told).toEqual({ type: "LogHistoryAvailable", available: false, reason });
    expect(message).toContain(remedy);
    // A trace differs each time, and a condition that differs is written.
    expect(message).not.toContain("t-1");
    expect(use.log).toMatchObject([{ level: "warn" }]);
  });

  it("is left alone for a minute after a failure, or as long as it asks", async () => {
    let failing = true;
    const use = history(() => (failing ? refusal({ kind: "throttled", retryAfterMs: 90_000 }) : []));
    await use.history.lines(REQUEST, never);
    failing = false;
    await use.clock.advance(80_000);
    await use.history.lines(REQUEST, never);
    expect(use.asked).toHaveLength(1);
    await use.clock.advance(10_000);
    await use.history.lines(REQUEST, never);
    expect(use.asked).toHaveLength(2);
    expect(use.history.aspect).toMatchObject({ available: true });
  });

  it("is not waited for longer than a reader would, and what came before counts", async () => {
    const many = Array.from({ length: MOST_LINES }, () => record("2025-12-31T23:59:59Z", "x"));
    let asked = 0;
    const use = history(() => {
      asked += 1;
      return asked === 1 ? many : "silence";
    });
    const reading = use.history.lines(REQUEST, never);
    while (asked < 2) await use.clock.advance(0);
    await use.clock.advance(15_000);
    expect(await reading).toHaveLength(MOST_LINES);
    expect(use.history.aspect).toMatchObject({ available: false, message: expect.stringContaining("15 s") });
  });

  it("throws a bug, and the reader's abort, and nothing else", async () => {
    await expect(history(() => new TypeError("bug")).history.lines(REQUEST, never)).rejects.toThrow("bug");
    const use = history(() => "silence");
    await expect(use.history.lines(REQUEST, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
    expect(use.history.aspect).toBeUndefined();
  });

  it("is not there where no instance is named, which has a remedy", async () => {
    const { logger } = recordingLogger();
    const none = new LogHistory({ logs: undefined, clock: new FakeClock(), logger });
    expect(none.configured).toBe(false);
    expect(await none.lines(REQUEST, never)).toEqual([]);
    expect(none.aspect).toMatchObject({ reason: "NotConfigured", message: expect.stringContaining("logsInstanceId") });
  });
});
