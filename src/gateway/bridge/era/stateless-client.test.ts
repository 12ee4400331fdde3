import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { Client, type Transport } from "@modelcontextprotocol/client";
import { z } from "zod";
import { eventually } from "../../../../test/support/eventually.ts";
import {
  notification,
  portTransport,
  request,
  ScriptedChannel,
  ScriptedClient,
} from "../../../../test/support/mcp/server-channel.ts";
import { systemClock } from "../../../machinery/clock.ts";
import type { Message } from "../message.ts";
import { lineChannel } from "../stdio/server-channel.ts";
import { StdioServers } from "../stdio/stdio-servers.ts";

const EVERYTHING = fileURLToPath(
  new URL("../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);
const CLIENT = { name: "test", version: "1" };
const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": CLIENT,
  "io.modelcontextprotocol/clientCapabilities": { sampling: {} },
};
const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {}, tasks: {} },
  serverInfo: { name: "scripted", version: "1" },
  instructions: "be kind",
};
const SERVER = { "io.modelcontextprotocol/serverInfo": INITIALIZE.serverInfo };

async function underTest(who: { isProbe?: boolean } = {}) {
  const channel = new ScriptedChannel();
  channel.answer = ({ method }) =>
    method === "initialize" ? INITIALIZE : method === "server/discover" ? {} : undefined;
  const client = new ScriptedClient();
  const servers = new StdioServers({
    ...{ clock: systemClock, clientInfo: CLIENT, sessionMode: "Shared", ownProcesses: 1 },
    openShared: async () => channel.open,
  });
  const port = await servers.connectStateless(client, { owner: "me", ...who });
  channel.answer = () => undefined;
  channel.sent.length = 0;
  const ask = (id: number | string, method: string, params = {}) =>
    port.send(request(id, method, { ...params, _meta: { ...ENVELOPE, ...(params as { _meta?: object })._meta } }));
  const idsOf = (method: string) => channel.sentOf(method).map(({ id }) => id ?? 0);
  return { channel, client, port, ask, idsOf };
}

function answer(id: number | string, result: Record<string, unknown> = {}): Message {
  return { jsonrpc: "2.0", id, result };
}

const acknowledged = (id: string, notifications: object) =>
  notification("notifications/subscriptions/acknowledged", { notifications, _meta: { [SUBSCRIPTION_ID]: id } });

describe("a client without a session on a server with", () => {
  it("discovers what the server can do for it", async () => {
    const { client, channel, ask } = await underTest();
    ask(1, "server/discover");
    const { tools, resources } = INITIALIZE.capabilities;
    const want = { supportedVersions: ["2026-07-28"], capabilities: { tools, resources }, instructions: "be kind" };
    const always = { ttlMs: 0, cacheScope: "private", resultType: "complete", _meta: SERVER };
    expect(client.received).toEqual([answer(1, { ...want, ...always })]);
    expect(channel.sent).toEqual([]);
  });

  it.each([
    { because: "it answers", says: { result: {} }, isThere: true },
    { because: "it does not know ping", says: { error: { code: -32601, message: "?" } }, isThere: true },
    { because: "it fails", says: { error: { code: -32603, message: "!" } }, isThere: false },
  ])("has the server asked first where it is a probe: $because", async ({ says, isThere }) => {
    const { client, channel, port, ask, idsOf } = await underTest({ isProbe: true });
    expect(port.protocolVersion).toBe(INITIALIZE.protocolVersion);
    ask(1, "server/discover");
    expect(client.received).toEqual([]);
    channel.says({ jsonrpc: "2.0", id: idsOf("ping")[0] ?? 0, ...says } as Message);
    const want = isThere ? { result: { instructions: "be kind" } } : { error: { code: -32603 } };
    expect(client.received).toMatchObject([{ id: 1, ...want }]);
    // Each time.
    ask(2, "server/discover");
    expect(client.received).toHaveLength(1);
  });

  it("has its requests in the server's words, and the results in its own", async () => {
    const { client, channel, ask, idsOf } = await underTest();
    ask(1, "tools/call", { name: "a", _meta: { progressToken: "t", traceparent: "00-1" } });
    ask(2, "tools/list");
    const [call] = idsOf("tools/call");
    expect(channel.sent[0]).toEqual(
      request(call ?? 0, "tools/call", { name: "a", _meta: { progressToken: call, traceparent: "00-1" } }),
    );
    expect(channel.sent[1]).toEqual(request(idsOf("tools/list")[0] ?? 0, "tools/list"));
    channel.says(notification("notifications/progress", { progressToken: call ?? 0, progress: 1 }));
    channel.says(answer(call ?? 0, { content: [] }));
    channel.says(answer(idsOf("tools/list")[0] ?? 0, { tools: [] }));
    expect(client.received).toEqual([
      notification("notifications/progress", { progressToken: "t", progress: 1 }),
      answer(1, { content: [], resultType: "complete", _meta: SERVER }),
      answer(2, { tools: [], resultType: "complete", ttlMs: 0, cacheScope: "private", _meta: SERVER }),
    ]);
  });

  it.each([
    { because: "no envelope", asked: request(1, "tools/list"), code: -32602 },
    {
      because: "no capabilities",
      asked: request(1, "tools/list", { _meta: { ...ENVELOPE, "io.modelcontextprotocol/clientCapabilities": 1 } }),
      code: -32602,
    },
    {
      because: "another revision",
      asked: request(1, "tools/list", {
        _meta: { ...ENVELOPE, "io.modelcontextprotocol/protocolVersion": "2030-01-01" },
      }),
      code: -32022,
    },
    { because: "a handshake", asked: request(1, "initialize", { _meta: ENVELOPE }), code: -32601 },
    {
      because: "a level for all",
      asked: request(1, "logging/setLevel", { _meta: ENVELOPE, level: "info" }),
      code: -32601,
    },
    {
      because: "a listen without a filter",
      asked: request(1, "subscriptions/listen", { _meta: ENVELOPE }),
      code: -32602,
    },
  ])("is refused $because", async ({ asked, code }) => {
    const { client, channel, port } = await underTest();
    port.send(asked);
    expect(client.received).toMatchObject([{ id: 1, error: { code } }]);
    expect(channel.sent).toEqual([]);
  });

  it("hears of a resource that is not there under a code that it knows", async () => {
    const { client, channel, ask, idsOf } = await underTest();
    ask(1, "resources/read", { uri: "u" });
    channel.says({ jsonrpc: "2.0", id: idsOf("resources/read")[0] ?? 0, error: { code: -32002, message: "no u" } });
    expect(client.received).toEqual([{ jsonrpc: "2.0", id: 1, error: { code: -32602, message: "no u" } }]);
  });

  it("listens to what the server grants and to nothing else", async () => {
    const { client, channel, ask, idsOf, port } = await underTest();
    const filter = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: ["u", "v"] };
    ask("l", "subscriptions/listen", { notifications: filter });
    const [u, v] = idsOf("resources/subscribe");
    channel.says(notification("notifications/tools/list_changed"));
    channel.says({ jsonrpc: "2.0", id: v ?? 0, error: { code: -32602, message: "no v" } });
    expect(client.received).toEqual([]);
    channel.says(answer(u ?? 0));
    expect(client.received).toEqual([acknowledged("l", { toolsListChanged: true, resourceSubscriptions: ["u"] })]);
    for (const uri of ["u", "v"]) channel.says(notification("notifications/resources/updated", { uri }));
    channel.says(notification("notifications/tools/list_changed"));
    channel.says(notification("notifications/prompts/list_changed"));
    const _meta = { [SUBSCRIPTION_ID]: "l" };
    expect(client.received.slice(1)).toEqual([
      notification("notifications/resources/updated", { uri: "u", _meta }),
      notification("notifications/tools/list_changed", { _meta }),
    ]);
    port.send(notification("notifications/cancelled", { requestId: "l" }));
    channel.says(notification("notifications/tools/list_changed"));
    expect(client.received).toHaveLength(3);
    expect(channel.sent.at(-1)).toMatchObject({ method: "resources/unsubscribe", params: { uri: "u" } });
  });

  it.each([
    { because: "there is nothing to listen to", die: false },
    { because: "the server dies before it has agreed", die: true },
  ])("has its subscription ended, once, when $because", async ({ die }) => {
    const { client, channel, ask } = await underTest();
    ask("l", "subscriptions/listen", { notifications: die ? { resourceSubscriptions: ["u"] } : {} });
    if (die) channel.dies();
    expect(client.received).toEqual([
      acknowledged("l", {}),
      answer("l", { resultType: "complete", _meta: { ...SERVER, [SUBSCRIPTION_ID]: "l" } }),
    ]);
  });
});

describe("a client of version 2 of the SDK, pinned to 2026-07-28, on server-everything", () => {
  it("works", async () => {
    const child = spawn(process.execPath, [EVERYTHING, "stdio"], { stdio: ["pipe", "pipe", "ignore"] });
    await using _ = {
      // It tells of updates for ever, also when nobody is there to read.
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      },
    };
    const servers = new StdioServers({
      ...{ clock: systemClock, clientInfo: CLIENT, sessionMode: "Shared", ownProcesses: 1 },
      openShared: async () => lineChannel(Duplex.from({ readable: child.stdout, writable: child.stdin })),
    });
    await servers.shared();
    const port = await portOf(servers);
    const client = new Client(CLIENT, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
    await client.connect(port as unknown as Transport);
    expect(client.getServerVersion()).toMatchObject({ name: "mcp-servers/everything" });
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    const echoed = await client.callTool({ name: "echo", arguments: { message: "hi" } });
    expect(echoed).toMatchObject({ content: [{ text: "Echo: hi" }] });
    let progress = 0;
    const long = { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps: 2 } };
    await client.callTool(long, { onprogress: () => (progress += 1) });
    expect(progress).toBe(2);
    const uri = (await client.listResources()).resources[0]?.uri ?? "";
    expect(await client.readResource({ uri })).toMatchObject({ contents: [{ uri }] });
    const updates: string[] = [];
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => void updates.push(params.uri));
    await client.listen({ resourceSubscriptions: [uri] });
    await client.request({ method: "tools/call", params: { name: "toggle-subscriber-updates" } }, z.looseObject({}));
    await eventually("the resource is updated", () => updates.includes(uri), { timeoutMs: 20_000 });
    await client.close();
    servers.close("the test is over");
  }, 40_000);
});

describe("a client of version 2 of the SDK that can be asked, on server-everything", () => {
  it("is asked by a process of its own, which is kept for its next call", async () => {
    const children: ChildProcess[] = [];
    const start = async () => {
      const child = spawn(process.execPath, [EVERYTHING, "stdio"], { stdio: ["pipe", "pipe", "ignore"] });
      children.push(child);
      return lineChannel(Duplex.from({ readable: child.stdout, writable: child.stdin }));
    };
    const servers = new StdioServers({
      ...{ clock: systemClock, clientInfo: CLIENT, sessionMode: "Shared", ownProcesses: 2 },
      ...{ openShared: start, openOwn: start },
    });
    const port = await portOf(servers);
    const client = new Client(CLIENT, {
      capabilities: { sampling: {}, roots: {} },
      versionNegotiation: { mode: { pin: "2026-07-28" } },
    });
    const text = "sampled";
    client.setRequestHandler("sampling/createMessage", async () => ({
      ...{ model: "none", role: "assistant" as const, content: { type: "text" as const, text } },
    }));
    client.setRequestHandler("roots/list", async () => ({ roots: [{ uri: "file:///srv", name: "srv" }] }));
    await client.connect(port as unknown as Transport);
    const sampled = { name: "trigger-sampling-request", arguments: { prompt: "p", maxTokens: 5 } };
    expect(JSON.stringify(await client.callTool(sampled))).toContain("sampled");
    expect(JSON.stringify(await client.callTool({ name: "get-roots-list" }))).toContain("file:///srv");
    expect(children).toHaveLength(2);
    await client.close();
    servers.close("the test is over");
    await eventually("both have ended", () =>
      children.every(({ exitCode, signalCode }) => (exitCode ?? signalCode) !== null),
    );
  }, 40_000);
});

/** A port is had asynchronously, and a transport connects at once. */
async function portOf(servers: StdioServers) {
  const client = new ScriptedClient();
  const relay = {
    events: client as { onMessage(message: Message, bytes: number): void; onClose(reason: string): void },
  };
  const port = await servers.connectStateless(
    {
      onMessage: (message, bytes) => relay.events.onMessage(message, bytes),
      onClose: (reason) => relay.events.onClose(reason),
    },
    { owner: "me" },
  );
  return portTransport((events) => {
    relay.events = events;
    return port;
  });
}
