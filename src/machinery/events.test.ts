import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import type { Event } from "../api/core.ts";
import type { KubeObject, NewObject, StatusFailure } from "../api/meta.ts";
import { ApiError, ApiUnreachable, type KubeClient, type Patch } from "./client.ts";
import type { EventNote } from "./event-recorder.ts";
import { ApiEventRecorder } from "./events.ts";

const note: EventNote = { type: "Warning", reason: "CrashLoopBackOff", action: "Start", note: "it crashed" };

function widget(name = "a", namespace: string | undefined = "ns"): KubeObject {
  const metadata = { name, uid: `uid-${name}`, resourceVersion: "7", creationTimestamp: "" };
  return {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { ...metadata, ...(namespace ? { namespace } : {}) },
  };
}

function refusal(code: number, reason: string, causes: readonly { reason: string }[] = []): ApiError {
  const status: StatusFailure = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: reason,
    reason,
    details: { causes: [...causes] },
    code,
  };
  return new ApiError(status);
}

/** The two calls that a recorder makes, on a store of its own; `failures` come first. */
function eventStore(failures: (Error | "hang")[] = []) {
  const stored = new Map<string, NewObject<Event>>();
  const writes: string[] = [];
  const answerOf = async (write: string) => {
    writes.push(write);
    const failure = failures.shift();
    if (failure === "hang") await new Promise(() => undefined);
    if (failure) throw failure;
  };
  const client = {
    async create(_type: unknown, object: NewObject<Event>) {
      await answerOf("create");
      stored.set(object.metadata.name ?? "", object);
      return object;
    },
    async patch(_type: unknown, { name }: { name: string }, { body }: Patch) {
      await answerOf("patch");
      const object = stored.get(name);
      if (!object) throw refusal(404, "NotFound");
      stored.set(name, { ...object, ...(body as Partial<Event>) });
      return object;
    },
  } as unknown as KubeClient;
  return { client, stored, writes, events: () => [...stored.values()] };
}

function start(failures: (Error | "hang")[] = []) {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const store = eventStore(failures);
  const dropped: string[] = [];
  const recorder = new ApiEventRecorder({
    client: store.client,
    logger,
    clock,
    reportingController: "slipway.dev/controller",
    reportingInstance: "host-1",
    onDropped: (why) => dropped.push(why),
  });
  const [stop, abort] = [new AbortController(), new AbortController()];
  const ended = recorder.run(stop.signal, abort.signal);
  return { clock, lines, dropped, recorder, stop, abort, ended, ...store };
}

describe("an event recorder", () => {
  it("writes what the API server takes", async () => {
    const { recorder, clock, events } = start();
    recorder.record(widget(), note);
    await clock.advance(0);
    expect(events()).toEqual([
      {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: { name: expect.stringMatching(/^a\.[0-9a-f]{16}$/), namespace: "ns" },
        eventTime: "2026-01-01T00:00:00.000000Z",
        type: "Warning",
        reason: "CrashLoopBackOff",
        action: "Start",
        note: "it crashed",
        regarding: {
          apiVersion: "example.com/v1",
          kind: "Widget",
          namespace: "ns",
          name: "a",
          uid: "uid-a",
          resourceVersion: "7",
        },
        reportingController: "slipway.dev/controller",
        reportingInstance: "host-1",
      },
    ]);
  });

  it("writes about cluster-scoped objects into the namespace default", async () => {
    const { recorder, clock, events } = start();
    recorder.record(widget("a", ""), note);
    await clock.advance(0);
    expect(events()[0]?.metadata.namespace).toBe("default");
    expect(events()[0]?.regarding).not.toHaveProperty("namespace");
  });

  it("makes a series of repeats, written now and then", async () => {
    const { recorder, clock, events, writes } = start();
    for (let at = 0; at < 100; at++) {
      recorder.record(widget(), note);
      await clock.advance(100);
    }
    await clock.advance(10_000);
    expect(events()).toHaveLength(1);
    expect(events()[0]?.series).toEqual({ count: 100, lastObservedTime: "2026-01-01T00:00:09.900000Z" });
    expect(writes.length).toBeLessThanOrEqual(3);
  });

  it("tells a repeat from another event, and begins anew after a pause", async () => {
    const { recorder, clock, events } = start();
    recorder.record(widget(), note);
    recorder.record(widget(), { ...note, note: "it crashed again" });
    recorder.record(widget("b"), note);
    await clock.advance(360_000);
    recorder.record(widget(), note);
    await clock.advance(0);
    expect(events()).toHaveLength(4);
    expect(events().every(({ series }) => series === undefined)).toBe(true);
  });

  it("goes on in a new event when the server has dropped the old one", async () => {
    const { recorder, clock, events, stored } = start();
    recorder.record(widget(), note);
    await clock.advance(11_000);
    stored.clear();
    recorder.record(widget(), note);
    await clock.advance(0);
    expect(events()).toMatchObject([{ series: { count: 2 } }]);
  });

  it.each([
    { because: "letters of one byte", text: "x".repeat(2_000), bytes: 1_024 },
    { because: "letters of three bytes", text: "日".repeat(2_000), bytes: 1_023 },
    { because: "letters of four bytes", text: "🚢".repeat(2_000), bytes: 1_023 },
  ])("cuts a long note between its letters: $because", async ({ text, bytes }) => {
    const { recorder, clock, events } = start();
    recorder.record(widget("n".repeat(253)), { ...note, note: text });
    await clock.advance(0);
    const [event] = events();
    expect(Buffer.byteLength(event?.note ?? "")).toBe(bytes);
    expect(event?.note).toMatch(/…$/);
    expect(event?.note).not.toContain("\uFFFD");
    expect(event?.metadata.name?.length).toBeLessThanOrEqual(253);
  });

  it("lets no object write more than its share", async () => {
    const { recorder, clock, events, dropped } = start();
    for (let at = 0; at < 40; at++) recorder.record(widget(), { ...note, note: String(at) });
    recorder.record(widget("b"), note);
    await clock.advance(0);
    expect(events()).toHaveLength(26);
    expect(dropped).toEqual(Array(15).fill("rate"));
    await clock.advance(300_000);
    recorder.record(widget(), { ...note, note: "later" });
    await clock.advance(0);
    expect(events()).toHaveLength(27);
  });

  it("drops rather than grows", async () => {
    const { recorder, dropped } = start(["hang"]);
    for (let at = 0; at < 5_000; at++) recorder.record(widget(String(at)), note);
    expect(dropped).toEqual(Array(5_000 - 4_096).fill("full"));
  });

  it("remembers no more than its bound when all is written", async () => {
    const { recorder, clock, events, dropped } = start();
    for (let at = 0; at < 6_000; at++) {
      recorder.record(widget(String(at)), note);
      if (at % 500 === 0) await clock.advance(0);
    }
    await clock.advance(0);
    expect(dropped).toEqual([]);
    expect(events()).toHaveLength(6_000);
  });

  it("tries again when the server is away, a few times", async () => {
    const { recorder, clock, events, dropped, writes } = start([
      new ApiUnreachable("gone"),
      refusal(500, "InternalError"),
    ]);
    recorder.record(widget(), note);
    await clock.advance(10_000);
    expect(events()).toHaveLength(1);
    const away = start(Array(6).fill(new ApiUnreachable("gone")));
    away.recorder.record(widget(), note);
    await away.clock.advance(600_000);
    expect([away.dropped, away.writes.length]).toEqual([["unreachable"], 6]);
    expect([dropped, writes.length]).toEqual([[], 3]);
  });

  it("gives up what is refused, and goes on with the next", async () => {
    const { recorder, clock, events, dropped } = start([refusal(403, "Forbidden")]);
    recorder.record(widget("a", "going"), note);
    recorder.record(widget("b"), note);
    await clock.advance(0);
    expect(dropped).toEqual(["refused"]);
    expect(events().map(({ regarding }) => regarding.name)).toEqual(["b"]);
  });

  it("tells once of a right that is missing, and not of a namespace that goes", async () => {
    const going = refusal(403, "Forbidden", [{ reason: "NamespaceTerminating" }]);
    const { recorder, clock, lines } = start([going, refusal(403, "Forbidden"), refusal(403, "Forbidden")]);
    for (const name of ["a", "b", "c"]) recorder.record(widget(name), note);
    await clock.advance(0);
    expect(lines.map(({ level }) => level)).toEqual(["debug", "warn", "debug"]);
    expect(lines[1]?.message).toBe("event refused: Forbidden");
  });

  it("sends what waits before it ends", async () => {
    const { recorder, events, stop, ended, clock } = start();
    recorder.record(widget(), note);
    await clock.advance(0);
    recorder.record(widget(), note);
    recorder.record(widget("b"), note);
    stop.abort();
    await ended;
    expect(events()).toMatchObject([{ series: { count: 2 } }, { regarding: { name: "b" } }]);
  });

  it("does not hold up the end when the server is away", async () => {
    const { recorder, stop, ended, writes, clock } = start(Array(99).fill(new ApiUnreachable("gone")));
    for (let at = 0; at < 20; at++) recorder.record(widget(String(at)), note);
    await clock.advance(0);
    stop.abort();
    await ended;
    expect(writes.length).toBeLessThanOrEqual(3);
  });
});
