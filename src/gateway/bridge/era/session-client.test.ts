import { duplexPair } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { Client as ClientV2, type Transport } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import * as v1 from "@modelcontextprotocol/sdk/types.js";
import { acceptedContent, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { eventually } from "../../../../test/support/eventually.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import {
  notification,
  portTransport,
  request,
  ScriptedChannel,
  ScriptedClient,
} from "../../../../test/support/mcp/server-channel.ts";
import { systemClock } from "../../../machinery/clock.ts";
import type { Message } from "../message.ts";
import type { PortEvents } from "../server-port.ts";
import { lineChannel } from "../stdio/server-channel.ts";
import { startSharedServer } from "../stdio/shared-server.ts";
import { SessionClient } from "./session-client.ts";

const DISCOVER = {
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} },
  instructions: "be kind",
  _meta: { "io.modelcontextprotocol/serverInfo": { name: "scripted", version: "2" } },
};
const CLIENT = { name: "test", version: "1" };
const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";

function underTest() {
  const channel = new ScriptedChannel();
  const client = new ScriptedClient();
  const clock = new FakeClock();
  const connect = (events: PortEvents) => channel.open({ ...events, onInvalid: () => undefined });
  const port = new SessionClient({ discover: DISCOVER, connect, clock }, client);
  const initialize = (capabilities = {}) => {
    const params = { protocolVersion: "2025-06-18", capabilities, clientInfo: CLIENT };
    port.send(request("i", "initialize", params));
  };
  /** The latest request that the server got, by its method. */
  const sentId = (method: string) => channel.sentOf(method).at(-1)?.id ?? 0;
  const asks = (inputRequests: object, requestState = "state") =>
    channel.says(answer(sentId("tools/call"), { resultType: "input_required", inputRequests, requestState }));
  return { channel, client, port, clock, initialize, sentId, asks };
}

function answer(id: number | string, result: Record<string, unknown> = {}): Message {
  return { jsonrpc: "2.0", id, result };
}

const listenAcknowledged = (id: number) =>
  notification("notifications/subscriptions/acknowledged", { notifications: {}, _meta: { [SUBSCRIPTION_ID]: id } });
const updated = (id: number) =>
  notification("notifications/resources/updated", { uri: "u", _meta: { [SUBSCRIPTION_ID]: id } });
const sampling = { s: { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } } };

describe("a client with a session on a server without", () => {
  it("is greeted with what the server says of itself", () => {
    const { client, channel, initialize } = underTest();
    initialize();
    const { capabilities, instructions } = DISCOVER;
    const serverInfo = { name: "scripted", version: "2" };
    expect(client.received).toEqual([
      answer("i", { protocolVersion: "2025-06-18", capabilities, serverInfo, instructions }),
    ]);
    expect(channel.sent).toEqual([]);
  });

  it("has what it said at first go along with each request", () => {
    const { client, channel, port, initialize } = underTest();
    initialize({ roots: { listChanged: true }, sampling: {} });
    port.send(request(1, "logging/setLevel", { level: "info" }));
    port.send(request(2, "tools/call", { name: "a", task: {}, _meta: { progressToken: 7 } }));
    expect(channel.sent.at(-1)).toMatchObject({
      params: {
        name: "a",
        _meta: {
          progressToken: 7,
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": CLIENT,
          "io.modelcontextprotocol/clientCapabilities": { roots: {}, sampling: {} },
          "io.modelcontextprotocol/logLevel": "info",
        },
      },
    });
    expect(channel.sentOf("tools/call")[0]?.params).not.toHaveProperty("task");
    channel.says(answer(channel.sentOf("tools/call")[0]?.id ?? 0, { resultType: "complete", content: [], ttlMs: 0 }));
    expect(client.answerTo(2)).toEqual(answer(2, { content: [] }));
  });

  it("has a bounded number of calls that wait for what it is asked, and may go on when one has ended", () => {
    const { client, port, initialize, asks } = underTest();
    initialize({ sampling: {} });
    for (let id = 1; id <= 256; id += 1) {
      port.send(request(id, "tools/call", { name: "a" }));
      asks(sampling);
    }
    port.send(request(257, "tools/call", { name: "a" }));
    expect(client.answerTo(257)).toMatchObject({ error: { code: -32000, data: { reason: "TooManyCalls" } } });
    port.send(notification("notifications/cancelled", { requestId: 1 }));
    port.send(request(258, "tools/call", { name: "a" }));
    expect(client.answerTo(258)).toBeUndefined();
  });

  it("is asked by requests for what the server wants inside a result", () => {
    const { client, channel, port, initialize, asks, sentId } = underTest();
    initialize({ sampling: {}, roots: {} });
    port.send(request(1, "tools/call", { name: "a" }));
    asks({ ...sampling, r: { method: "roots/list" } });
    const asked = client.received.slice(1) as { id: string; method: string }[];
    expect(asked.map(({ method }) => method)).toEqual(["sampling/createMessage", "roots/list"]);
    port.send(answer(asked[1]?.id ?? "", { roots: [] }));
    expect(channel.sentOf("tools/call")).toHaveLength(1);
    port.send(answer(asked[0]?.id ?? "", { role: "assistant" }));
    expect(channel.sentOf("tools/call")[1]?.params).toMatchObject({
      ...{ name: "a", requestState: "state" },
      inputResponses: { s: { role: "assistant" }, r: { roots: [] } },
    });
    channel.says(answer(sentId("tools/call"), { resultType: "complete", content: [] }));
    expect(client.answerTo(1)).toEqual(answer(1, { content: [] }));
  });

  it.each([
    { because: "it does not offer", inputRequests: sampling, want: /does not offer/ },
    { because: "nobody knows", inputRequests: { x: { method: "constructor", params: {} } }, want: /no client knows/ },
    { because: "is no request", inputRequests: { x: 7 }, want: /no request/ },
  ])("is not asked for what $because", ({ inputRequests, want }) => {
    const { client, port, initialize, asks } = underTest();
    initialize({ roots: {} });
    port.send(request(1, "tools/call"));
    asks({ r: { method: "roots/list" }, ...inputRequests });
    expect(client.received).toHaveLength(2);
    expect(client.answerTo(1)).toMatchObject({
      result: { isError: true, content: [{ text: expect.stringMatching(want) }] },
    });
  });

  it("is not asked for ever", () => {
    const { client, port, initialize, asks } = underTest();
    initialize({ roots: {} });
    port.send(request(1, "tools/call"));
    for (let round = 0; round < 9; round += 1) {
      asks({ r: { method: "roots/list" } });
      const last = client.received.at(-1);
      if (last && "method" in last && "id" in last) port.send(answer(last.id, { roots: [] }));
    }
    expect(client.answerTo(1)).toMatchObject({ result: { isError: true } });
  });

  it("has a call that it does not go on with ended, and is told not to answer any more", async () => {
    const { client, port, clock, initialize, asks } = underTest();
    initialize({ roots: {} });
    port.send(request(1, "tools/call"));
    asks({ r: { method: "roots/list" } });
    const asked = client.received.at(-1) as { id: string };
    await clock.advance(600_000);
    expect(client.received.slice(-2)).toMatchObject([
      { method: "notifications/cancelled", params: { requestId: asked.id } },
      { id: 1, result: { isError: true } },
    ]);
    expect(clock.pending).toBe(0);
  });

  it("has its call sent again after a pause where the server wanted nothing but time", async () => {
    const { channel, port, clock, initialize, asks } = underTest();
    initialize();
    port.send(request(1, "tools/call"));
    asks({}, "later");
    expect(channel.sentOf("tools/call")).toHaveLength(1);
    await clock.advance(1_000);
    expect(channel.sentOf("tools/call")[1]?.params).toMatchObject({ requestState: "later" });
  });

  it("cancels the call under which the server knows it now, or what it was asked for it", () => {
    const { client, channel, port, clock, initialize, asks, sentId } = underTest();
    initialize({ roots: {} });
    port.send(request(1, "tools/call"));
    port.send(notification("notifications/cancelled", { requestId: 1 }));
    expect(channel.sent.at(-1)).toEqual(notification("notifications/cancelled", { requestId: sentId("tools/call") }));
    port.send(request(2, "tools/call"));
    asks({ r: { method: "roots/list" } });
    port.send(notification("notifications/cancelled", { requestId: 2 }));
    expect(client.received.at(-1)).toMatchObject({ method: "notifications/cancelled" });
    expect([channel.sentOf("notifications/cancelled").length, clock.pending]).toEqual([1, 0]);
  });

  it("has one subscription, whose successor is there before it ends", () => {
    const { client, channel, port, initialize, sentId } = underTest();
    initialize();
    port.send(notification("notifications/initialized"));
    const first = sentId("subscriptions/listen");
    expect(channel.sent.at(-1)).toMatchObject({ params: { notifications: { toolsListChanged: true } } });
    channel.says(listenAcknowledged(first));
    port.send(request(1, "resources/subscribe", { uri: "u" }));
    const second = sentId("subscriptions/listen");
    expect(channel.sent.at(-1)).toMatchObject({
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ["u"] } },
    });
    expect([client.answerTo(1), channel.sentOf("notifications/cancelled")]).toEqual([undefined, []]);
    channel.says(listenAcknowledged(second));
    expect(client.answerTo(1)).toEqual(answer(1));
    expect(channel.sent.at(-1)).toEqual(notification("notifications/cancelled", { requestId: first }));
    for (const id of [first, second]) channel.says(updated(id));
    expect(client.received.slice(2)).toEqual([notification("notifications/resources/updated", { uri: "u" })]);
    port.send(request(2, "resources/unsubscribe", { uri: "u" }));
    channel.says(listenAcknowledged(sentId("subscriptions/listen")));
    expect(client.answerTo(2)).toEqual(answer(2));
  });

  it("hears when the server refuses a subscription, and keeps the one it has", () => {
    const { client, channel, port, initialize, sentId } = underTest();
    initialize();
    port.send(notification("notifications/initialized"));
    const first = sentId("subscriptions/listen");
    channel.says(listenAcknowledged(first));
    port.send(request(1, "resources/subscribe", { uri: "u" }));
    const error = { code: -32603, message: "Subscription limit reached" };
    channel.says({ jsonrpc: "2.0", id: sentId("subscriptions/listen"), error });
    expect(client.answerTo(1)).toEqual({ jsonrpc: "2.0", id: 1, error });
    channel.says(updated(first));
    expect(client.received.at(-1)).toMatchObject({ method: "notifications/resources/updated" });
  });

  it("hears that the server has gone, also of calls that waited for itself", () => {
    const { client, channel, port, clock, initialize, asks } = underTest();
    initialize({ roots: {} });
    port.send(request(1, "tools/call"));
    asks({ r: { method: "roots/list" } });
    channel.dies("killed");
    expect(client.answerTo(1)).toMatchObject({ error: { code: -32000, message: "killed" } });
    expect([client.closedFor, clock.pending]).toEqual(["killed", 0]);
  });
});

/** A server that speaks revision 2026-07-28 on its standard streams. */
async function modernServer() {
  const [near, far] = duplexPair();
  const name = z.object({ name: z.string() });
  const create = () => {
    const server = new McpServer(
      { name: "v2", version: "1" },
      { capabilities: { tools: { listChanged: true }, logging: {} } },
    );
    server.registerTool("greet", {}, async (context) => {
      const given = acceptedContent(context.mcpReq.inputResponses, "who", name);
      if (given) return { content: [{ type: "text", text: `hello ${given.name}` }] };
      const who = inputRequired.elicit({
        message: "who?",
        requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
      });
      return inputRequired({ inputRequests: { who } });
    });
    server.registerTool("steps", {}, async (context) => {
      const progressToken = context.mcpReq._meta?.progressToken ?? 0;
      for (const progress of [1, 2]) {
        await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress } });
      }
      return { content: [{ type: "text", text: "done" }] };
    });
    current = server;
    return server;
  };
  let current: McpServer | undefined;
  const handle = serveStdio(create, { transport: new StdioServerTransport(far, far), legacy: "reject" });
  const shared = await startSharedServer(lineChannel(near), { clock: systemClock, clientInfo: CLIENT });
  const { greeting } = shared;
  if (greeting.era !== "stateless") throw new Error("it speaks an earlier revision");
  const connect = (events: PortEvents) => {
    const port = shared.connect(events);
    if (port === undefined) throw new Error("no port to be had");
    return port;
  };
  const transport = () =>
    portTransport((events) => new SessionClient({ discover: greeting.discover, connect, clock: systemClock }, events));
  return {
    transport,
    changed: () => current?.sendToolListChanged(),
    async [Symbol.asyncDispose]() {
      shared.close("the test is over");
      await handle.close();
    },
  };
}

describe("clients of the SDK with sessions on its server without", () => {
  const elicited = { action: "accept" as const, content: { name: "ann" } };
  const capabilities = { elicitation: { form: {} } };
  const connectors = {
    "version 1": async (transport: unknown, onChange: () => void) => {
      const client = new ClientV1(CLIENT, { capabilities });
      client.setRequestHandler(v1.ElicitRequestSchema, async () => elicited);
      client.setNotificationHandler(v1.ToolListChangedNotificationSchema, onChange);
      await client.connect(transport as Parameters<typeof client.connect>[0]);
      return client;
    },
    "version 2": async (transport: unknown, onChange: () => void) => {
      const client = new ClientV2(CLIENT, { capabilities, versionNegotiation: { mode: "legacy" } });
      client.setRequestHandler("elicitation/create", async () => elicited);
      client.setNotificationHandler("notifications/tools/list_changed", onChange);
      await client.connect(transport as Transport);
      return client;
    },
  };

  it.each(["version 1", "version 2"] as const)("work: %s", async (version) => {
    await using server = await modernServer();
    let changes = 0;
    const client: ClientV1 | ClientV2 = await connectors[version](server.transport(), () => (changes += 1));
    expect(client.getServerVersion()).toMatchObject({ name: "v2" });
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["greet", "steps"]);
    expect(await client.callTool({ name: "greet" })).toMatchObject({ content: [{ text: "hello ann" }] });
    let progress = 0;
    const options = { onprogress: () => (progress += 1) };
    const steps = { name: "steps" };
    const done =
      client instanceof ClientV1 ? client.callTool(steps, undefined, options) : client.callTool(steps, options);
    expect(await done).toMatchObject({ content: [{ text: "done" }] });
    expect(progress).toBe(2);
    await expect(client.setLoggingLevel("info")).rejects.toThrow("does not log");
    server.changed();
    await eventually("the change is told", () => changes > 0, { everyMs: 5 });
    await client.close();
  });
});
