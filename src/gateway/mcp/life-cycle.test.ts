import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import {
  type Answer,
  ask,
  bodyOf,
  endpointAt,
  reasonIn,
  startGatewayUnderTest,
  startServer,
} from "../../../test/support/mcp-gateway.ts";

const CALL = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call" });
const ANSWER = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { action: "accept" } });
const CANCELLED = JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 9 } });
const DRAIN_MS = 30_000;
const LONG_MS = 700;

/** A server that answers when it is told to. */
async function startWaiting(text: string) {
  const waiting: ServerResponse[] = [];
  const server = await startServer((request, response) => {
    request.resume();
    waiting.push(response);
  });
  return {
    ...server,
    waiting,
    arrived: (count: number) => eventually(`${count} calls`, () => waiting.length === count, { everyMs: 2 }),
    answer: (index: number) => waiting[index]?.end(text),
  };
}

describe("when another instance takes the place of one", () => {
  it.each([
    { because: "it was started again elsewhere", next: (url: string) => [endpointAt(url, { instance: "2" })] },
    { because: "it was deleted", next: () => [] },
  ])("what it works on goes on, up to a limit: $because", async ({ next }) => {
    await using old = await startWaiting("old");
    await using young = await startServer((_request, response) => response.end("young"));
    const clock = new FakeClock();
    await using gateway = await startGatewayUnderTest([endpointAt(old.url)], { clock });
    const url = `${gateway.url}/team-a/files/mcp`;
    const calls = [ask(url, { body: CALL }), ask(url, { body: CALL })];
    await old.arrived(2);
    const endpoints = next(young.url);
    gateway.directory.receive(endpoints, endpoints.length === 0 ? [{ namespace: "team-a", name: "files" }] : []);
    expect((await ask(url, { body: CALL })).status).toBe(endpoints.length === 0 ? 404 : 200);
    await clock.advance(DRAIN_MS - 1);
    old.answer(0);
    const done = await Promise.race(calls);
    expect(done.body).toBe("old");
    await clock.advance(1);
    const cut = (await Promise.all(calls)).find(({ status }) => status !== 200);
    expect(cut?.status).toBe(502);
    expect(JSON.parse(cut?.body ?? "")).toMatchObject({ id: 7, error: { data: { reason: "UpstreamReplaced" } } });
    expect(gateway.dataPath.stats().open).toBe(0);
  });

  it("a moment in which it is not ready cuts nothing", async () => {
    await using server = await startWaiting("done");
    const clock = new FakeClock();
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)], { clock });
    const call = ask(`${gateway.url}/team-a/files/mcp`, { body: CALL });
    await server.arrived(1);
    const state = { ready: false, reason: "ProbeTimeout", message: "slow", retryAfterSeconds: 2 } as const;
    gateway.directory.receive([{ ...endpointAt(server.url, { state }), upstream: undefined }], []);
    await clock.advance(DRAIN_MS * 2);
    server.answer(0);
    expect((await call).body).toBe("done");
  });
});

describe("when it closes", () => {
  it("takes no more, ends streams that wait for nothing at once, and calls when they are done", async () => {
    await using server = await startWaiting("done");
    const gateway = await startGatewayUnderTest([endpointAt(server.url)]);
    const url = `${gateway.url}/team-a/files/mcp`;
    const call = ask(url, { body: CALL });
    const stream = request(url, { agent: false }).end();
    stream.on("error", () => undefined);
    const [[opened]] = await Promise.all([
      once(stream, "response") as Promise<[IncomingMessage]>,
      server.arrived(2).then(() => server.waiting.find(({ req }) => req.method === "GET")?.flushHeaders()),
    ]);
    const cut = bodyOf(opened).catch((error: Error) => error.message);
    const closed = gateway[Symbol.asyncDispose]();
    expect(await cut).toBe("aborted");
    await expect(ask(url, { body: CALL })).rejects.toThrow("ECONNREFUSED");
    server.answer(server.waiting.findIndex(({ req }) => req.method === "POST"));
    expect((await call).body).toBe("done");
    await closed;
  });

  it("tells calls that take too long", async () => {
    await using server = await startWaiting("never");
    const clock = new FakeClock();
    const gateway = await startGatewayUnderTest([endpointAt(server.url)], { clock });
    const call = ask(`${gateway.url}/team-a/files/mcp`, { body: CALL });
    await server.arrived(1);
    const closed = gateway[Symbol.asyncDispose]();
    await clock.advance(5_000);
    expect(JSON.parse((await call).body)).toMatchObject({ id: 7, error: { message: "the gateway is stopping" } });
    await closed;
  });

  it("leaves no timer", async () => {
    await using server = await startServer((_request, response) => response.end("x".repeat(100_000)));
    const clock = new FakeClock();
    const gateway = await startGatewayUnderTest([endpointAt(server.url)], { clock });
    await ask(`${gateway.url}/team-a/files/mcp`, { body: CALL });
    gateway.directory.receive([endpointAt(server.url, { instance: "2" })], []);
    await gateway[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
});

it("drops a client that takes nothing", async () => {
  const clock = new FakeClock();
  await using server = await startServer((_request, response) => response.end(Buffer.alloc(64 * 1024 * 1024, 97)));
  await using gateway = await startGatewayUnderTest([endpointAt(server.url)], { clock });
  const outgoing = request(`${gateway.url}/team-a/files/mcp`, { agent: false }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.pause();
  // Beside the sweep of instances that nobody asks for.
  await eventually("it waits for the client", () => clock.pending > 1, { everyMs: 5 });
  await clock.advance(60_000);
  await eventually("nothing is open", () => gateway.dataPath.stats().open === 0, { everyMs: 5 });
  expect(gateway.dataPath.stats()).toMatchObject({ gone: 1 });
  response.destroy();
});

describe("when a server is about to end", () => {
  it("loses no request of those that come all the time, and lets a long one have its answer", async () => {
    let refused = 0;
    const program = (text: string): Answer => {
      return (request, response) => {
        request.resume();
        if (endedBefore.has(text)) refused++;
        const isLong = request.headers["x-long"] !== undefined;
        setTimeout(() => response.end(text), isLong ? LONG_MS : 1).unref();
      };
    };
    const endedBefore = new Set<string>();
    await using old = await startServer(program("old"));
    await using young = await startServer(program("young"));
    await using gateway = await startGatewayUnderTest([endpointAt(old.url)]);
    const url = `${gateway.url}/team-a/files/mcp`;
    const answers: { status: number; body: string }[] = [];
    let isOver = false;
    const client = async () => {
      while (!isOver) answers.push(await ask(url, { body: CALL }));
    };
    const clients = [client(), client(), client(), client()];
    const long = ask(url, { body: CALL, headers: { "x-long": "yes" } });
    await eventually("requests are answered", () => answers.length > 20, { everyMs: 2 });

    const key = { namespace: "team-a", name: "files" };
    const begunAt = performance.now();
    const drained = Promise.withResolvers<void>();
    expect(gateway.dataPath.drain(key, true, drained.resolve)).toBeGreaterThan(0);
    await drained.promise;
    expect(performance.now() - begunAt).toBeLessThan(10_000);
    endedBefore.add("old");
    await old[Symbol.asyncDispose]();
    const state = { ready: false, reason: "Probing", message: "", retryAfterSeconds: 2 } as const;
    gateway.directory.receive([endpointAt(young.url, { instance: "2", state })], []);
    await new Promise((resolve) => setTimeout(resolve, 100));
    gateway.directory.receive([endpointAt(young.url, { instance: "2" })], []);
    await eventually("the next one answers", () => answers.at(-1)?.body === "young", { everyMs: 2 });
    isOver = true;
    await Promise.all(clients);

    expect(await long).toMatchObject({ status: 200, body: "old" });
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(refused).toBe(0);
    // None was served by what had been left, once the other served.
    const bodies = answers.map(({ body }) => body);
    expect(bodies.lastIndexOf("old")).toBeLessThan(bodies.indexOf("young") + clients.length);
  });

  it("ends streams that wait for nothing, and waits for no subscription", async () => {
    await using server = await startWaiting("late");
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
    const url = `${gateway.url}/team-a/files/mcp`;
    const LISTEN = JSON.stringify({ jsonrpc: "2.0", id: 8, method: "subscriptions/listen" });
    const listening = ask(url, { body: LISTEN, headers: { "mcp-method": "subscriptions/listen" } });
    const streaming = ask(url).catch((error: Error) => error.message);
    await server.arrived(2);
    let isOver = false;
    const begin = () =>
      gateway.dataPath.drain({ namespace: "team-a", name: "files" }, true, () => {
        isOver = true;
      });
    expect(begin()).toBe(0);
    expect(isOver).toBe(true);
    expect(JSON.parse((await listening).body)).toMatchObject({
      id: 8,
      error: { data: { reason: "UpstreamReplaced" } },
    });
    await streaming;
  });

  it("says so where nothing comes next", async () => {
    await using server = await startWaiting("never");
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
    gateway.dataPath.drain({ namespace: "team-a", name: "files" }, false, () => undefined);
    const refused = await ask(`${gateway.url}/team-a/files/mcp`, { body: CALL });
    expect(refused.status).toBe(503);
    expect(refused.headers["retry-after"]).toBe("1");
    expect(reasonIn(refused)).toBe("Draining");
    expect(server.waiting).toEqual([]);
  });

  it.each([
    { because: "something comes next", isReplaced: true },
    { because: "nothing comes next", isReplaced: false },
    { because: "it is not ready any more, as when it is deleted", isReplaced: false, ready: false },
  ])("lets through what calls under way wait for: $because", async ({ isReplaced, ready = true }) => {
    const ends: string[] = [];
    let call: ServerResponse | undefined;
    await using server = await startServer(async (request, response) => {
      const body = await bodyOf(request);
      if (body === CALL) call = response;
      else {
        ends.push(request.method === "POST" ? body : (request.method ?? ""));
        response.writeHead(202).end();
        if (body === ANSWER) call?.end("done");
      }
    });
    await using gateway = await startGatewayUnderTest([endpointAt(server.url)]);
    const url = `${gateway.url}/team-a/files/mcp`;
    const calling = ask(url, { body: CALL });
    await eventually("the call is under way", () => call !== undefined, { everyMs: 2 });
    gateway.dataPath.drain({ namespace: "team-a", name: "files" }, isReplaced, () => undefined);
    const state = { ready: false, reason: "Deleting", message: "", retryAfterSeconds: 2 } as const;
    if (!ready) gateway.directory.receive([endpointAt(server.url, { state })], []);
    expect(await ask(url, { body: CANCELLED })).toMatchObject({ status: 202 });
    expect(await ask(url, { body: ANSWER })).toMatchObject({ status: 202 });
    expect(await ask(url, { method: "DELETE" })).toMatchObject({ status: 202 });
    expect(ends).toEqual([CANCELLED, ANSWER, "DELETE"]);
    expect(await calling).toMatchObject({ status: 200, body: "done" });
  });
});
