import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { callAtWork } from "../support/mcp/call-at-work.ts";
import { type ClientKind, connectClient, type McpClient } from "../support/mcp/clients.ts";
import { bodyOf, openCall } from "../support/mcp/open-call.ts";
import { type StdioPlace, startStdioPlace, stdioEndpoint } from "../support/mcp/stdio-processes.ts";
import { type GatewayUnderTest, startGatewayUnderTest } from "../support/mcp-gateway.ts";

let place: StdioPlace;
let gateway: GatewayUnderTest;

beforeAll(async () => {
  place = await startStdioPlace();
  gateway = await startGatewayUnderTest([stdioEndpoint("everything"), stdioEndpoint("modern")], {
    streamsSocket: place.socketPath,
  });
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const CLIENTS: readonly ClientKind[] = ["v1 streamable", "v2 legacy", "v2 auto", "v2 pinned"];
const BIG = 8 * 1024 * 1024;
const urlOf = (name: string) => `${gateway.url}/team-a/${name}/mcp`;
const textOf = ({ content }: Record<string, unknown>) => (content as { text: string }[]).map(({ text }) => text).join();
const call = (client: McpClient, name: string, args: Record<string, unknown> = {}) =>
  client.call("tools/call", { name, arguments: args });

/** Nothing is under way, and nothing is kept for a client that has said good-bye. */
const isQuiet = () => gateway.dataPath.stats().open === 0 && gateway.dataPath.stats().sessions === 0;

describe.each(CLIENTS)("a client %s", (kind) => {
  it("uses server-everything over stdio", async () => {
    await using client = await connectClient(kind, urlOf("everything"));
    const { tools } = (await client.call("tools/list")) as { tools: unknown[] };
    expect(tools.length).toBeGreaterThan(8);
    expect(textOf(await call(client, "echo", { message: "héllo ✓" }))).toBe("Echo: héllo ✓");
    const { prompts } = (await client.call("prompts/list")) as { prompts: { name: string }[] };
    await client.call("prompts/get", { name: prompts.find(({ name }) => name.includes("simple"))?.name ?? "" });
    const { resources } = (await client.call("resources/list")) as { resources: { uri: string }[] };
    const read = await client.call("resources/read", { uri: resources[0]?.uri ?? "" });
    expect(read.contents).toHaveLength(1);
    const seen: string[] = [];
    await client.call(
      "tools/call",
      { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps: 4 } },
      { onProgress: () => seen.push("step") },
    );
    expect(seen).toHaveLength(4);
    await expect(call(client, "no-such-tool")).resolves.toMatchObject({ isError: true });
  }, 30_000);

  it("uses a server of version 2 of the SDK over stdio", async () => {
    await using client = await connectClient(kind, urlOf("modern"));
    expect(textOf(await call(client, "echo", { message: "m" }))).toBe("Echo: m");
    expect(textOf(await call(client, "big"))).toHaveLength(BIG);
    const seen: string[] = [];
    await client.call("tools/call", { name: "steps" }, { onProgress: () => seen.push("step") });
    expect(seen).toHaveLength(3);
    const cancel = new AbortController();
    const waits = client.call(
      "tools/call",
      { name: "waits" },
      { onProgress: () => cancel.abort(), signal: cancel.signal },
    );
    await expect(waits).rejects.toThrow();
    expect(textOf(await call(client, "echo", { message: "after" }))).toBe("Echo: after");
  }, 30_000);
});

describe("a client that a server may turn to", () => {
  it.each(["v1 streamable", "v2 legacy"] as const)(
    "has a process for itself, for as long as it is there: %s",
    async (kind) => {
      await eventually("nothing is under way", isQuiet, { everyMs: 20 });
      // Those of clients without sessions stay for a while.
      const before = place.own.size;
      {
        await using client = await connectClient(kind, urlOf("everything"));
        expect(place.own.size).toBe(before + 1);
        expect(textOf(await call(client, "trigger-sampling-request", { prompt: "p", maxTokens: 5 }))).toContain(
          "sampled",
        );
      }
      await eventually("its process has ended", () => isQuiet() && place.own.size === before, { everyMs: 20 });
    },
    30_000,
  );
});

it("gives each of fifty clients its own answers, and frees everything when they have gone", async () => {
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const server = index % 2 === 0 ? "everything" : "modern";
      // Each in a process of its own, a client costs more than its calls; those are tested above.
      await using client = await connectClient(index % 4 < 2 ? "v2 pinned" : "v2 legacy", urlOf(server), {}, {});
      for (let turn = 0; turn < 5; turn += 1) {
        const message = `client ${index}, turn ${turn}`;
        expect(textOf(await call(client, "echo", { message }))).toBe(`Echo: ${message}`);
      }
    }),
  );
  await eventually("nothing is open", isQuiet, { everyMs: 20 });
  expect(place.shared.size).toBe(2);
}, 60_000);

it("frees what a client had that vanishes", async () => {
  const { outgoing } = await openCall(urlOf("modern"), "waits");
  await eventually("it is under way", () => gateway.dataPath.stats().open === 1, { everyMs: 10 });
  outgoing.destroy();
  await eventually("nothing is open", isQuiet, { everyMs: 20 });
  // The server was told, so that its tool has ended; another is served at once.
  await using client = await connectClient("v2 pinned", urlOf("modern"));
  expect(textOf(await call(client, "echo", { message: "next" }))).toBe("Echo: next");
});

describe("a process that is killed with -9 in mid-call", () => {
  it.each(CLIENTS)(
    "fails the call of a client %s within two seconds, and the next works",
    async (kind) => {
      await using client = await connectClient(kind, urlOf("modern"));
      const { ended } = await callAtWork(client);
      const killedMs = performance.now();
      process.kill(place.shared.get("modern") ?? 0, "SIGKILL");
      expect(await ended).toMatch(/the server's process/);
      expect(performance.now() - killedMs).toBeLessThan(2_000);
      await using next = await connectClient(kind, urlOf("modern"));
      expect(textOf(await call(next, "echo", { message: "again" }))).toBe("Echo: again");
    },
    30_000,
  );
});

it("ends what works at an instance when another takes its place", async () => {
  gateway.directory.receive([stdioEndpoint("modern#moving", { name: "moving" })], []);
  const { response } = await openCall(urlOf("moving"), "waits");
  const body = bodyOf(response);
  gateway.directory.receive([], [{ namespace: "team-a", name: "moving" }]);
  // Calls have 30 s; what the backend does meanwhile ends them sooner.
  process.kill(place.shared.get("modern#moving") ?? 0, "SIGKILL");
  expect(await body).toContain('"reason":"UpstreamFailed"');
});

it("lets a call that waits for its client's answer end while its server drains", async () => {
  gateway.directory.receive([stdioEndpoint("everything#drained", { name: "drained" })], []);
  const key = { namespace: "team-a", name: "drained" };
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const post = (message: object) =>
    fetch(urlOf("drained"), { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
  const capabilities = { elicitation: { form: {} } };
  const params = { protocolVersion: "2025-11-25", capabilities, clientInfo: { name: "test", version: "1" } };
  const greeted = await post({ id: 1, method: "initialize", params });
  await greeted.text();
  headers["mcp-session-id"] = greeted.headers.get("mcp-session-id") ?? "";
  await (await post({ method: "notifications/initialized" })).text();
  // What a server offers to those who can be asked it may offer only after it was greeted.
  await eventually("it may be asked to ask", async () =>
    (await (await post({ id: 2, method: "tools/list" })).text()).includes("trigger-elicitation-request"),
  );
  const called = await post({ id: 3, method: "tools/call", params: { name: "trigger-elicitation-request" } });
  const chunks = (called.body as ReadableStream<Uint8Array>).getReader();
  let said = "";
  const hear = async (what: string) => {
    while (!said.includes(what)) said += Buffer.from((await chunks.read()).value ?? []).toString();
    const line = said.split("\n").find((each) => each.startsWith("data: ") && each.includes(what));
    return JSON.parse(line?.slice("data: ".length) ?? "") as { id: number | string };
  };
  const { id } = await hear("elicitation/create");
  const { promise: over, resolve } = Promise.withResolvers<void>();
  expect(gateway.dataPath.drain(key, true, resolve)).toBe(1);
  expect((await post({ id, result: { action: "decline" } })).status).toBe(202);
  expect(await hear("declined")).toMatchObject({ id: 3 });
  await over;
});

describe("clients that do not read", () => {
  /** Of whose answers of 8 MB 24 may be unread together. */
  const CLIENTS = 30;

  it("leave a bounded amount unread together, and the server to who reads", async () => {
    const asked = JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: {
        name: "big",
        arguments: {},
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    });
    const headers = {
      accept: "application/json",
      "content-type": "application/json",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "big",
    };
    const begun = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const sent = request(urlOf("modern"), { method: "POST", headers, agent: false });
        sent.on("error", () => undefined);
        sent.end(asked);
        const [answer] = (await once(sent, "response")) as [IncomingMessage];
        answer.on("error", () => undefined);
        return { sent, answer };
      }),
    );
    expect(begun.map(({ answer }) => answer.statusCode)).toEqual(Array(CLIENTS).fill(200));
    await eventually("some are broken off", async () => (gateway.dataPath.stats().open <= 25 ? true : undefined));
    expect(gateway.dataPath.stats().open).toBeGreaterThan(15);
    await using client = await connectClient("v2 pinned", urlOf("modern"));
    expect(textOf(await call(client, "big"))).toHaveLength(BIG);
    for (const { sent } of begun) sent.destroy();
    // Sessions of other tests may be left.
    await eventually("all have left", () => gateway.dataPath.stats().open === 0);
  }, 180_000);
});
