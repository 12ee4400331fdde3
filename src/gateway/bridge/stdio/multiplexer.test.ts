import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { notification, request, ScriptedChannel, ScriptedClient } from "../../../../test/support/mcp/server-channel.ts";
import { randomFrom } from "../../../../test/support/random.ts";
import type { Message } from "../message.ts";
import { type SharedServer, startSharedServer } from "./shared-server.ts";

const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: { logging: {}, resources: { subscribe: true }, tasks: { list: {} }, tools: {} },
  serverInfo: { name: "scripted", version: "1" },
};
const DISCOVER = { supportedVersions: ["2026-07-28"], capabilities: { tools: {}, logging: {} } };
const clientInfo = { name: "slipway", version: "1" };

interface UnderTest {
  readonly channel: ScriptedChannel;
  readonly server: SharedServer;
  readonly dropped: string[];
  readonly clock: FakeClock;
  connect(): { client: ScriptedClient; send(message: Message): void; close(): void };
  /** What the server knows the last request of a method by. */
  idOf(method: string): number;
}

async function sharedServer({
  limits = {},
  stateless = false,
}: {
  limits?: object;
  stateless?: boolean;
} = {}): Promise<UnderTest> {
  const channel = new ScriptedChannel();
  const clock = new FakeClock();
  const dropped: string[] = [];
  channel.answer = ({ method }) => {
    if (method === "server/discover") return stateless ? DISCOVER : {};
    return method === "initialize" ? INITIALIZE : undefined;
  };
  const server = await startSharedServer(channel.open, {
    clock,
    clientInfo,
    limits,
    onDropped: (reason) => dropped.push(reason),
  });
  channel.answer = () => undefined;
  channel.sent.length = 0;
  return {
    channel,
    server,
    dropped,
    clock,
    connect() {
      const client = new ScriptedClient();
      const port = server.connect(client);
      if (!port) throw new Error("no port");
      return { client, send: (message) => port.send(message), close: () => port.close() };
    },
    idOf(method) {
      const id = channel.sentOf(method).at(-1)?.id;
      if (id === undefined) throw new Error(`${method} was not sent`);
      return id;
    },
  };
}

function result(id: number | string, value: Record<string, unknown> = {}): Message {
  return { jsonrpc: "2.0", id, result: value };
}

describe("clients that share a process", () => {
  it("get the answers to their own requests under their own ids", async () => {
    const { channel, connect } = await sharedServer();
    const [one, two] = [connect(), connect()];
    one.send(request(1, "tools/call", { name: "a" }));
    two.send(request(1, "tools/call", { name: "b" }));
    two.send(request("1", "tools/call", { name: "c" }));
    const ids = channel.sentOf("tools/call").map(({ id }) => id ?? 0);
    for (const [at, id] of ids.entries()) channel.says(result(id, { at }));
    expect(one.client.received).toEqual([result(1, { at: 0 })]);
    expect(two.client.received).toEqual([result(1, { at: 1 }), result("1", { at: 2 })]);
  });

  it("are greeted from the one handshake, with what is true for a shared process", async () => {
    const { channel, connect } = await sharedServer();
    const { client, send } = connect();
    send(request(0, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo }));
    send(notification("notifications/initialized"));
    const { tasks: _, ...capabilities } = INITIALIZE.capabilities;
    expect(client.received).toEqual([result(0, { ...INITIALIZE, capabilities, protocolVersion: "2025-06-18" })]);
    expect(channel.sent).toEqual([]);
  });

  it.each([
    { asked: "2024-11-05", want: "2024-11-05" },
    { asked: "2025-11-25", want: "2025-11-25" },
    { asked: "2026-07-28", want: "2025-11-25" },
    { asked: "1999-01-01", want: "2025-11-25" },
    { asked: 7, want: "2025-11-25" },
  ])("agree on $want when they ask for $asked", async ({ asked, want }) => {
    const { connect } = await sharedServer();
    const { client, send } = connect();
    send(request(0, "initialize", { protocolVersion: asked }));
    expect(client.answerTo(0)).toMatchObject({ result: { protocolVersion: want } });
  });

  it("get their own progress, under their own token", async () => {
    const { channel, connect, dropped } = await sharedServer();
    const [one, two] = [connect(), connect()];
    one.send(request(1, "tools/call", { _meta: { progressToken: "t", other: 1 } }));
    two.send(request(1, "tools/call", { _meta: { progressToken: "t" } }));
    two.send(request(2, "tools/call"));
    const [first, second, third] = channel.sentOf("tools/call");
    expect(first?.params).toEqual({ _meta: { progressToken: first?.id, other: 1 } });
    channel.says(notification("notifications/progress", { progressToken: second?.id ?? 0, progress: 5 }));
    expect(one.client.received).toEqual([]);
    expect(two.client.received).toEqual([notification("notifications/progress", { progressToken: "t", progress: 5 })]);
    channel.says(notification("notifications/progress", { progressToken: third?.id ?? 0, progress: 1 }));
    channel.says(result(second?.id ?? 0));
    channel.says(notification("notifications/progress", { progressToken: second?.id ?? 0, progress: 6 }));
    channel.says(notification("notifications/progress", { progressToken: "t", progress: 6 }));
    expect(dropped).toEqual(["Unattributed", "Unattributed", "Unattributed"]);
    expect(two.client.received).toHaveLength(2);
  });

  it("cancel their own requests only", async () => {
    const { channel, connect, idOf, dropped } = await sharedServer();
    const [one, two] = [connect(), connect()];
    one.send(request(1, "tools/call"));
    two.send(notification("notifications/cancelled", { requestId: 1 }));
    expect(channel.sentOf("notifications/cancelled")).toEqual([]);
    one.send(notification("notifications/cancelled", { requestId: 1, reason: "enough" }));
    const id = idOf("tools/call");
    expect(channel.sent.at(-1)).toEqual(notification("notifications/cancelled", { requestId: id, reason: "enough" }));
    channel.says(result(id));
    expect([one.client.received, dropped]).toEqual([[], ["LateAnswer"]]);
  });

  it("take their requests with them", async () => {
    const { channel, connect, idOf } = await sharedServer();
    const { client, send, close } = connect();
    send(request(1, "tools/call"));
    send(request(2, "resources/subscribe", { uri: "u" }));
    channel.says(result(idOf("resources/subscribe")));
    close();
    expect(channel.sentOf("notifications/cancelled")).toMatchObject([{ params: { requestId: idOf("tools/call") } }]);
    expect(channel.sentOf("resources/unsubscribe")).toMatchObject([{ params: { uri: "u" } }]);
    const before = client.received.length;
    channel.says(notification("notifications/tools/list_changed"));
    send(request(3, "tools/call"));
    expect([client.received.length, channel.sentOf("tools/call").length]).toEqual([before, 1]);
  });

  it("are told of resources that they subscribed to, and of lists that changed", async () => {
    const { channel, connect, idOf, dropped } = await sharedServer();
    const [one, two] = [connect(), connect()];
    one.send(request(1, "resources/subscribe", { uri: "u" }));
    channel.says(result(idOf("resources/subscribe")));
    channel.says(notification("notifications/resources/updated", { uri: "u" }));
    channel.says(notification("notifications/tools/list_changed"));
    channel.says(notification("notifications/resources/updated", { uri: "v" }));
    channel.says(notification("notifications/elicitation/complete", { elicitationId: "x" }));
    expect(one.client.received.slice(1).map((message) => "method" in message && message.method)).toEqual([
      ...["notifications/resources/updated", "notifications/tools/list_changed"],
    ]);
    expect(two.client.received).toHaveLength(1);
    expect(dropped).toEqual(["Unattributed", "Unattributed"]);
  });

  it("get the logs that they asked for from a server that logs what the most verbose wants", async () => {
    const { channel, connect, idOf } = await sharedServer();
    const [quiet, verbose, silent] = [connect(), connect(), connect()];
    const logs = ({ client }: { client: ScriptedClient }) =>
      client.received.flatMap((message) => ("params" in message ? [message.params?.level] : []));
    quiet.send(request(1, "logging/setLevel", { level: "error" }));
    channel.says(result(idOf("logging/setLevel")));
    verbose.send(request(1, "logging/setLevel", { level: "debug" }));
    channel.says(result(idOf("logging/setLevel")));
    quiet.send(request(2, "logging/setLevel", { level: "warning" }));
    for (const level of ["debug", "warning", "alert"]) channel.says(notification("notifications/message", { level }));
    expect([logs(quiet), logs(verbose), logs(silent)]).toEqual([
      ["warning", "alert"],
      ["debug", "warning", "alert"],
      [],
    ]);
    expect(quiet.client.answerTo(2)).toEqual(result(2));
    verbose.close();
    const told = channel.sentOf("logging/setLevel").map(({ params }) => params?.level);
    expect(told).toEqual(["error", "debug", "warning"]);
  });

  it.each([
    { because: "no such level", asked: request(1, "logging/setLevel", { level: "loud" }), code: -32602 },
    { because: "no uri", asked: request(1, "resources/subscribe"), code: -32602 },
    { because: "an immense uri", asked: request(1, "resources/subscribe", { uri: "u".repeat(9_000) }), code: -32602 },
    { because: "tasks, which belong to a session", asked: request(1, "tasks/list"), code: -32601 },
  ])("are refused $because", async ({ asked, code }) => {
    const { channel, connect } = await sharedServer();
    const { client, send } = connect();
    send(asked);
    expect(client.answerTo(1)).toMatchObject({ error: { code } });
    expect(channel.sent).toEqual([]);
  });

  it("have their call worked on at once where they asked for a task", async () => {
    const { channel, connect } = await sharedServer();
    connect().send(request(1, "tools/call", { name: "a", task: { ttl: 1 } }));
    expect(channel.sentOf("tools/call")).toMatchObject([{ params: { name: "a" } }]);
    expect(channel.sentOf("tools/call")[0]?.params).not.toHaveProperty("task");
  });

  it("are never asked for anything", async () => {
    const { channel, connect, dropped } = await sharedServer();
    const { client } = connect();
    channel.says(request("s1", "sampling/createMessage"));
    channel.says(request("s2", "ping"));
    expect(channel.sent).toMatchObject([
      { id: "s1", error: { code: -32601 } },
      { id: "s2", result: {} },
    ]);
    expect([client.received, dropped]).toEqual([[], ["Unattributed"]]);
  });

  it("hear at once that the process has died", async () => {
    const { channel, connect, server } = await sharedServer();
    const [one, two] = [connect(), connect()];
    one.send(request(1, "tools/call"));
    one.send(request(2, "resources/subscribe", { uri: "u" }));
    channel.dies("killed");
    const error = { code: -32000, message: "killed", data: { reason: "UpstreamFailed" } };
    expect(one.client.answerTo(1)).toEqual({ jsonrpc: "2.0", id: 1, error });
    expect(one.client.answerTo(2)).toEqual({ jsonrpc: "2.0", id: 2, error });
    expect([one.client.closedFor, two.client.closedFor, server.isClosed]).toEqual(["killed", "killed", true]);
    two.send(request(1, "tools/call"));
    expect(two.client.answerTo(1)).toMatchObject({ error: { code: -32000 } });
    expect(server.connect(new ScriptedClient())).toBeUndefined();
  });

  it.each([
    { because: "one client has too many requests", limits: { callsPerClient: 2 }, reason: "TooManyCalls" },
    { because: "all together have too many", limits: { calls: 2 }, reason: "TooManyCalls" },
    { because: "an id is in use", limits: {}, ids: [1, 1], reason: "IdInUse" },
    { because: "the server does not read", limits: { backlogBytes: 10 }, backlog: 11, reason: "ServerStalled" },
  ])("are refused when $because", async ({ limits, ids = [1, 2, 3], backlog = 0, reason }) => {
    const { channel, connect } = await sharedServer({ limits });
    channel.backlogBytes = backlog;
    const { client, send } = connect();
    for (const id of ids) send(request(id, "tools/call"));
    expect(client.received.at(-1)).toMatchObject({ id: ids.at(-1), error: { data: { reason } } });
  });

  it("and a process that asks without end and reads nothing fill no memory with what it does not read", async () => {
    const { channel, connect, dropped } = await sharedServer({ limits: { backlogBytes: 10 } });
    const { client, send } = connect();
    send(request(1, "tools/call"));
    channel.sent.length = 0;
    channel.backlogBytes = 11;
    for (let id = 0; id < 100; id++) channel.says(request(id, id % 2 ? "ping" : "roots/list"));
    for (let id = 0; id < 100; id++) send(notification("notifications/theirs"));
    send(request(2, "resources/subscribe", { uri: "a:b" }));
    send(notification("notifications/cancelled", { requestId: 1 }));
    expect(channel.sent).toEqual([]);
    expect(dropped.filter((reason) => reason === "Unread")).toHaveLength(201);
    expect(client.answerTo(2)).toMatchObject({ error: { data: { reason: "ServerStalled" } } });
  });

  it("are refused when there are too many", async () => {
    const { server } = await sharedServer({ limits: { clients: 1 } });
    expect(server.connect(new ScriptedClient())).toBeDefined();
    expect(server.connect(new ScriptedClient())).toBeUndefined();
  });

  it("never get what is another's, in whatever order things happen", async () => {
    const { channel, connect, server } = await sharedServer();
    const random = randomFrom(11);
    const clients = Array.from({ length: 50 }, (_, name) => ({ name, next: 0, ...connect() }));
    /** What the server works on: its id, and whose it is, which the answer repeats. */
    const working: { id: number; from: unknown }[] = [];
    const any = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
    const asks = (client: (typeof clients)[number]) => {
      const id = client.next++;
      const before = channel.sent.length;
      client.send(request(id, "tools/call", { _meta: { progressToken: id } }));
      const sent = channel.sent.slice(before);
      for (const each of sent) if ("id" in each) working.push({ id: Number(each.id), from: [client.name, id] });
    };
    const steps = [
      asks,
      asks,
      () => {
        const { id, from } = any(working) ?? { id: 0, from: undefined };
        channel.says(notification("notifications/progress", { progressToken: id, from }));
      },
      () => {
        const { id, from } = working.splice(Math.floor(random() * working.length), 1)[0] ?? { id: 0, from: undefined };
        channel.says(result(id, { from }));
      },
      ({ next, send }: (typeof clients)[number]) => {
        send(notification("notifications/cancelled", { requestId: Math.floor(random() * next) }));
      },
    ];
    for (let step = 0; step < 20_000; step += 1) {
      const client = any(clients);
      if (client) any(steps)?.(client);
    }
    const seen = clients.flatMap(({ name, client }) => client.received.map((message) => ({ name, message })));
    const owned = seen.flatMap(({ name, message }) => {
      if ("error" in message) return [];
      if ("result" in message) return [[message.result.from, [name, message.id]]];
      return "method" in message ? [[message.params?.from, [name, message.params?.progressToken]]] : [];
    });
    expect(owned.length).toBeGreaterThan(5_000);
    for (const [from, owner] of owned) expect(from).toEqual(owner);
    for (const { id } of working) channel.says(result(id));
    expect(server.callsUnderWay).toBe(0);
  });
});

describe("clients of revision 2026-07-28 that share a process", () => {
  it("are told of no logs, since none of them names who it is for", async () => {
    const { channel, connect, server, idOf } = await sharedServer({ stateless: true });
    const { client, send } = connect();
    send(request("d", "server/discover"));
    channel.says(result(idOf("server/discover"), DISCOVER));
    const without = { ...DISCOVER, capabilities: { tools: {} } };
    expect(client.received).toEqual([result("d", without)]);
    expect(server.greeting).toEqual({ era: "stateless", discover: without });
  });

  it("get what their own subscriptions bring", async () => {
    const { channel, connect, dropped } = await sharedServer({ stateless: true });
    const [one, two] = [connect(), connect()];
    const ID = "io.modelcontextprotocol/subscriptionId";
    one.send(request("l", "subscriptions/listen", { notifications: { toolsListChanged: true } }));
    two.send(request("l", "subscriptions/listen", { notifications: { toolsListChanged: true } }));
    const [first, second] = channel.sentOf("subscriptions/listen").map(({ id }) => id ?? 0);
    channel.says(notification("notifications/tools/list_changed", { _meta: { [ID]: second } }));
    expect([one.client.received, two.client.received]).toEqual([
      [],
      [notification("notifications/tools/list_changed", { _meta: { [ID]: "l" } })],
    ]);
    channel.says(notification("notifications/tools/list_changed"));
    channel.says(notification("notifications/message", { level: "info" }));
    expect(dropped).toEqual(["Unattributed", "Unattributed"]);
    channel.says(result(first ?? 0, { _meta: { [ID]: first } }));
    expect(one.client.received).toEqual([result("l", { _meta: { [ID]: "l" } })]);
    two.close();
    expect(channel.sentOf("notifications/cancelled")).toMatchObject([{ params: { requestId: second } }]);
  });
});

describe("a process that does not greet", () => {
  it.each([
    { because: "it is silent", refuses: false, want: /did not answer initialize in 60000 ms/ },
    { because: "it refuses", refuses: true, want: /refused initialize with the JSON-RPC error -\d+/ },
  ])("is given up when $because", async ({ refuses, want }) => {
    const channel = new ScriptedChannel();
    const clock = new FakeClock();
    const started = startSharedServer(channel.open, { clock, clientInfo }).catch((error: Error) => error.message);
    await clock.advance(5_000);
    const [asked] = channel.sentOf("initialize");
    if (refuses) channel.says({ jsonrpc: "2.0", id: asked?.id ?? 0, error: { code: -32603, message: "no" } });
    else await clock.advance(60_000);
    expect(await started).toMatch(want);
    expect([channel.isClosed, clock.pending]).toEqual([true, 0]);
  });

  it.each([
    { because: "refuses another", refuses: true },
    { because: "leaves another unanswered", refuses: false },
  ])("is asked what it lists when it has had its handshake before, and $because", async ({ refuses }) => {
    const channel = new ScriptedChannel();
    const clock = new FakeClock();
    channel.answer = ({ method }) => (method === "tools/list" ? { tools: [] } : undefined);
    const started = startSharedServer(channel.open, { clock, clientInfo, mayBeKnown: true });
    await clock.advance(5_000);
    const [asked] = channel.sentOf("initialize");
    if (refuses) channel.says({ jsonrpc: "2.0", id: asked?.id ?? 0, error: { code: -32600, message: "again?" } });
    else await clock.advance(60_000);
    await clock.advance(5_000);
    const { greeting } = await started;
    expect(greeting).toMatchObject({ era: "sessions", initialize: { capabilities: { tools: {} } } });
    // Nothing is begun anew.
    expect(channel.sentOf("notifications/initialized")).toEqual([]);
  });

  it("is given up when it dies", async () => {
    const channel = new ScriptedChannel();
    const started = startSharedServer(channel.open, { clock: new FakeClock(), clientInfo });
    channel.dies("exited");
    await expect(started).rejects.toThrow("exited");
  });
});
