import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { notification, request } from "../../../../test/support/mcp/server-channel.ts";
import { randomFrom } from "../../../../test/support/random.ts";
import type { Message } from "../message.ts";
import type { PortEvents } from "../server-port.ts";
import { EventsLost, type StreamEvent } from "./event-stream.ts";
import type { Session } from "./session.ts";
import { Sessions, type SessionsLimits, TooManySessions } from "./sessions.ts";
import { SoleAnswer } from "./sole-answer.ts";

const forever = new AbortController();

function sessionsUnderTest(limits: Partial<SessionsLimits> = {}) {
  const clock = new FakeClock();
  let ids = 0;
  return { clock, sessions: new Sessions({ clock, newId: () => `id${++ids}`, limits }) };
}

async function sessionUnderTest(limits: Partial<SessionsLimits> = {}) {
  const { sessions, clock } = sessionsUnderTest(limits);
  const sent: Message[] = [];
  let events: PortEvents | undefined;
  let isClosed = false;
  const session = await sessions.open("ann", async (given) => {
    events = given;
    return { send: (message) => void sent.push(message), close: () => (isClosed = true) };
  });
  return {
    sessions,
    clock,
    session,
    sent,
    says: (message: Message) => events?.onMessage(message, JSON.stringify(message).length),
    dies: () => events?.onClose("gone"),
    isClosed: () => isClosed,
  };
}

function answer(id: number | string, value: Record<string, unknown> = {}): Message {
  return { jsonrpc: "2.0", id, result: value };
}

async function allOf(events: AsyncIterable<StreamEvent> | undefined): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const { message } of events ?? []) messages.push(message);
  return messages;
}

/** Reads so many, and then is gone. */
async function some(events: AsyncIterable<StreamEvent> | undefined, count: number): Promise<StreamEvent[]> {
  const seen: StreamEvent[] = [];
  for await (const event of events ?? []) {
    seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
}

const progressOf = (progressToken: number, progress = 1) =>
  notification("notifications/progress", { progressToken, progress });
const call = (id: number) => request(id, "tools/call", { _meta: { progressToken: id } });

describe("a session", () => {
  it("sorts what comes into the streams of its requests and one for the rest", async () => {
    const { session, says, sent } = await sessionUnderTest();
    const [first, second] = [session.post([call(1)], forever), session.post([call(2)], forever)];
    const rest = some(session.listen(forever), 1);
    for (const message of [progressOf(2), answer(2), notification("notifications/tools/list_changed")]) says(message);
    for (const message of [progressOf(1), progressOf(1, 2), answer(1)]) says(message);
    expect(await allOf(first)).toEqual([progressOf(1), progressOf(1, 2), answer(1)]);
    expect(await allOf(second)).toEqual([progressOf(2), answer(2)]);
    expect((await rest).map(({ message }) => message)).toEqual([notification("notifications/tools/list_changed")]);
    expect(sent).toEqual([call(1), call(2)]);
  });

  it("has no stream for what asks for no answer", async () => {
    const { session, sent } = await sessionUnderTest();
    const messages = [notification("notifications/initialized"), answer("s1")];
    expect(session.post(messages, forever)).toBeUndefined();
    expect(sent).toEqual(messages);
  });

  it.each<{ because: string; first: Message[]; want: Message | undefined; streamed: Message[] }>([
    { because: "it comes alone", first: [], want: answer(1), streamed: [] },
    { because: "progress comes first", first: [progressOf(1)], want: undefined, streamed: [progressOf(1), answer(1)] },
    { because: "another is answered first", first: [answer(2)], want: answer(1), streamed: [] },
  ])("hands an answer over by itself where one is wanted and $because", async ({ first, want, streamed }) => {
    const { session, says } = await sessionUnderTest();
    const sole = new SoleAnswer();
    const stream = session.post([call(1)], forever, sole);
    session.post([call(2)], forever);
    for (const message of [...first, answer(1)]) says(message);
    expect(await sole.settled).toEqual(want);
    session.close();
    expect(await allOf(stream)).toEqual(streamed);
  });

  it("brings an answer on the stream that nobody wants by itself any more", async () => {
    const { session, says } = await sessionUnderTest();
    const sole = new SoleAnswer();
    const stream = session.post([call(1)], forever, sole);
    sole.giveUp();
    says(answer(1));
    expect(await sole.settled).toBeUndefined();
    expect(await allOf(stream)).toEqual([answer(1)]);
  });

  it("leaves nobody waiting for an answer by itself when it ends", async () => {
    const { session } = await sessionUnderTest();
    const sole = new SoleAnswer();
    session.post([call(1)], forever, sole);
    session.close();
    expect(await sole.settled).toBeUndefined();
  });

  it("answers the requests of a batch on one stream", async () => {
    const { session, says } = await sessionUnderTest();
    const stream = session.post([call(1), notification("x"), call(2)], forever);
    for (const id of [2, 1]) says(answer(id));
    expect(await allOf(stream)).toEqual([answer(2), answer(1)]);
  });

  it.each([
    { because: "along with the only call", calls: [1], listens: true, want: "p1-1" },
    { because: "apart from calls, when there are several", calls: [1, 2], listens: true, want: "s-1" },
    { because: "along with the latest where nothing else is read", calls: [1, 2], listens: false, want: "p2-1" },
  ])("brings the server's request $because", async ({ calls, listens, want }) => {
    const { session, says } = await sessionUnderTest();
    const streams: (AsyncIterable<StreamEvent> | undefined)[] = calls.map((id) => session.post([call(id)], forever));
    if (listens) streams.push(session.listen(forever));
    const seen = streams.map((stream) => some(stream, 1));
    says(request("s1", "elicitation/create"));
    const [{ id } = { id: "" }] = await Promise.race(seen);
    expect(id).toBe(want);
    session.close();
  });

  it("ends the stream of what was cancelled, and lets a late answer go", async () => {
    const { session, says } = await sessionUnderTest();
    const stream = session.post([call(1)], forever);
    session.post([notification("notifications/cancelled", { requestId: 1 })], forever);
    says(answer(1));
    expect(await allOf(stream)).toEqual([]);
  });

  it("refuses an id that is in use, on the stream of the second", async () => {
    const { session, says, sent } = await sessionUnderTest();
    const [first, second] = [session.post([call(1)], forever), session.post([call(1)], forever)];
    says(answer(1));
    expect(await allOf(first)).toEqual([answer(1)]);
    expect(await allOf(second)).toMatchObject([{ id: 1, error: { data: { reason: "IdInUse" } } }]);
    expect(sent).toHaveLength(1);
  });

  it("resumes a stream behind the last event that the client has", async () => {
    const { session, says } = await sessionUnderTest();
    const stream = session.post([call(1)], forever);
    for (const progress of [1, 2, 3]) says(progressOf(1, progress));
    const [, second] = await some(stream, 2);
    const resumed = allOf(session.resume(second?.id ?? "", forever));
    says(answer(1));
    expect(await resumed).toEqual([progressOf(1, 3), answer(1)]);
    expect(await allOf(session.resume("p1-0", forever))).toHaveLength(4);
    expect(await allOf(session.resume("p1-4", forever))).toEqual([]);
  });

  it.each(["", "p1", "p9-1", "p1-7", "p1--1", "p1-1.5", "p1-9999999999999999999", "__proto__-1", "id1-1"])(
    "knows no event %j",
    async (id) => {
      const { session, says } = await sessionUnderTest();
      session.post([call(1)], forever);
      says(answer(1));
      expect(session.resume(id, forever)).toBeUndefined();
    },
  );

  it("goes on where it was left when the client comes back without saying where", async () => {
    const { session, says } = await sessionUnderTest();
    const changed = (uri: string) => notification("notifications/resources/updated", { uri });
    const reading = some(session.listen(forever), 1);
    says(changed("a"));
    await reading;
    says(changed("b"));
    expect((await some(session.listen(forever), 1)).map(({ message }) => message)).toEqual([changed("b")]);
  });

  it("is read by whoever came last", async () => {
    const { session, says } = await sessionUnderTest();
    const first = allOf(session.listen(forever));
    await Promise.resolve();
    const second = some(session.listen(forever), 1);
    expect(await first).toEqual([]);
    says(notification("x"));
    expect(await second).toHaveLength(1);
  });

  it("goes on with a call when the client lost its connection", async () => {
    const { session, says } = await sessionUnderTest();
    const gone = new AbortController();
    const reading = allOf(session.post([call(1)], gone));
    gone.abort();
    expect(await reading).toEqual([]);
    says(answer(1));
    expect(await allOf(session.resume("p1-0", forever))).toEqual([answer(1)]);
  });

  it("cancels what is under way when it ends, and all who read come to the end", async () => {
    const { sessions, session, isClosed } = await sessionUnderTest();
    const reading = [allOf(session.post([call(1)], forever)), allOf(session.listen(forever))];
    session.close();
    expect(await Promise.all(reading)).toEqual([[], []]);
    expect([isClosed(), sessions.size, sessions.get(session.id, "ann")]).toEqual([true, 0, undefined]);
  });

  it("ends with the server, and the client still gets the errors", async () => {
    const { session, says, dies, sessions } = await sessionUnderTest();
    const stream = session.post([call(1)], forever);
    const error: Message = { jsonrpc: "2.0", id: 1, error: { code: -32000, message: "gone" } };
    says(error);
    dies();
    expect(await allOf(stream)).toEqual([error]);
    expect([session.hasEnded, sessions.size]).toEqual([true, 0]);
  });
});

describe("what sessions keep", () => {
  it("is bounded for each: who reads too slowly loses its stream", async () => {
    const { session, says, sessions } = await sessionUnderTest({ bytes: 10_000 });
    const slow = session.post([call(1)], forever)?.[Symbol.asyncIterator]();
    says(progressOf(1));
    await slow?.next();
    for (let progress = 2; progress < 200; progress += 1) says(progressOf(1, progress));
    expect(sessions.keptBytes).toBeLessThanOrEqual(10_000);
    await expect(slow?.next()).rejects.toThrow(EventsLost);
    says(answer(1));
    const next = session.post([call(2)], forever);
    says(answer(2));
    expect(await allOf(next)).toEqual([answer(2)]);
  });

  it("is bounded for all together, and given back", async () => {
    const { sessions } = sessionsUnderTest({ totalBytes: 20_000 });
    const opened: Session[] = [];
    for (let n = 0; n < 10; n += 1) {
      const session = await sessions.open("ann", async () => ({ send: () => undefined, close: () => undefined }));
      opened.push(session);
      for (let at = 0; at < 20; at += 1) session.events.onMessage(notification("x"), 1_000);
    }
    // Each keeps its latest, whatever it takes.
    expect(sessions.keptBytes).toBeLessThanOrEqual(20_000 + 10 * 1_256);
    for (const session of opened) session.close();
    expect(sessions.keptBytes).toBe(0);
  });

  it("forgets streams that have ended, the oldest first", async () => {
    const { session, says } = await sessionUnderTest({ endedStreams: 2 });
    for (const id of [1, 2, 3, 4]) {
      session.post([call(id)], forever);
      says(answer(id));
    }
    session.post([call(5)], forever);
    expect([1, 2, 3, 4].map((n) => session.resume(`p${n}-0`, forever) !== undefined)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it("brings everything once and in order, however often the connection breaks", async () => {
    const { session, says } = await sessionUnderTest();
    const random = randomFrom(2);
    const want: number[] = [];
    const got: number[] = [];
    let lastEventId = "s-0";
    for (let turn = 0; turn < 200; turn += 1) {
      for (let count = Math.floor(random() * 5); count >= 0; count -= 1) {
        want.push(want.length);
        says(notification("x", { at: want.length - 1 }));
      }
      const pending = want.length - got.length;
      for (const { id, message } of await some(
        session.resume(lastEventId, forever),
        1 + Math.floor(random() * pending),
      )) {
        if ("params" in message) got.push(Number(message.params?.at));
        lastEventId = id;
      }
    }
    expect(got).toEqual(want.slice(0, got.length));
    expect(got.length).toBeGreaterThan(100);
  });
});

describe("sessions", () => {
  const connect = async () => ({ send: () => undefined, close: () => undefined });

  it("are found by their owner only", async () => {
    const { sessions } = sessionsUnderTest();
    const { id } = await sessions.open("ann", connect);
    expect([sessions.get(id, "ann")?.id, sessions.get(id, "bob"), sessions.get("x", "ann")]).toEqual([
      id,
      undefined,
      undefined,
    ]);
  });

  it("are bounded, all together and for each owner", async () => {
    const { sessions } = sessionsUnderTest({ sessions: 3, sessionsPerOwner: 2 });
    const first = await sessions.open("ann", connect);
    await sessions.open("ann", connect);
    await expect(sessions.open("ann", connect)).rejects.toThrow(TooManySessions);
    await sessions.open("bob", connect);
    await expect(sessions.open("eve", connect)).rejects.toThrow(TooManySessions);
    first.close();
    await sessions.open("eve", connect);
  });

  it("leave nothing behind where no server could be had", async () => {
    const { sessions, clock } = sessionsUnderTest();
    await expect(sessions.open("ann", () => Promise.reject(new Error("none")))).rejects.toThrow("none");
    expect([sessions.size, clock.pending]).toEqual([0, 0]);
  });

  it("end when nobody reads and nobody sends", async () => {
    const { sessions, clock } = sessionsUnderTest({ idleMs: 1_000 });
    const [used, read, forgotten] = [1, 2, 3].map(() => sessions.open("ann", connect));
    const gone = new AbortController();
    const reading = allOf((await read)?.listen(gone));
    for (let turn = 0; turn < 4; turn += 1) {
      await clock.advance(500);
      sessions.get((await used)?.id ?? "", "ann");
    }
    const ended = await Promise.all([used, read, forgotten].map(async (each) => (await each)?.hasEnded));
    expect(ended).toEqual([false, false, true]);
    gone.abort();
    await reading;
    await clock.advance(2_000);
    expect([sessions.size, clock.pending]).toEqual([0, 0]);
  });
});
