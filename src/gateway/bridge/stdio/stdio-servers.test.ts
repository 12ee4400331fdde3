import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import {
  notification,
  portTransport,
  request,
  ScriptedChannel,
  ScriptedClient,
} from "../../../../test/support/mcp/server-channel.ts";
import { DEFAULT_LIMITS } from "./multiplexer.ts";
import { OwnServer } from "./own-server.ts";
import { lineChannel } from "./server-channel.ts";
import { StdioServers, type StdioServersOptions } from "./stdio-servers.ts";

const SAMPLING = { capabilities: { sampling: {} } };

function underTest(options: Partial<StdioServersOptions> = {}, discover = {}) {
  const own: ScriptedChannel[] = [];
  const shared: ScriptedChannel[] = [];
  const opened = (channels: ScriptedChannel[]) => async () => {
    const channel = new ScriptedChannel();
    channel.answer = ({ method }) => {
      if (method === "server/discover") return discover;
      return method === "initialize" ? { protocolVersion: "2025-11-25", capabilities: {} } : undefined;
    };
    channels.push(channel);
    return channel.open;
  };
  const servers = new StdioServers({
    clock: new FakeClock(),
    clientInfo: { name: "slipway", version: "1" },
    openShared: opened(shared),
    openOwn: opened(own),
    sessionMode: "Shared",
    ownProcesses: 2,
    ...options,
  });
  const connect = async (initialize = {}) => {
    const client = new ScriptedClient();
    return { client, port: await servers.connect(initialize, client) };
  };
  return { servers, own, shared, connect };
}

describe("the processes of a deployment", () => {
  it.each([
    { because: "a client that cannot be asked shares", capabilities: { experimental: {} }, own: 0 },
    { because: "one that offers sampling has its own", capabilities: { sampling: {} }, own: 1 },
    { because: "one that offers elicitation has its own", capabilities: { elicitation: {} }, own: 1 },
    { because: "one that offers roots has its own", capabilities: { roots: { listChanged: true } }, own: 1 },
    { because: "each has its own where the deployment says so", mode: "PerSession" as const, capabilities: {}, own: 1 },
  ])("$because", async ({ capabilities, own, mode = "Shared" as const }) => {
    const { connect, ...processes } = underTest({ sessionMode: mode });
    await connect({ capabilities });
    // The one that all share says which revision the server speaks.
    expect([processes.own.length, processes.shared.length]).toEqual([own, 1]);
  });

  it.each([
    { because: "it asks inside results", sessionMode: "Shared" as const },
    {
      because: "nothing belongs to a session, though each client was to have its own",
      sessionMode: "PerSession" as const,
    },
  ])("are one for all where the server is of 2026-07-28: $because", async ({ sessionMode }) => {
    const discover = { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } };
    const { connect, own, shared } = underTest({ sessionMode }, discover);
    const { client, port } = await connect(SAMPLING);
    port.send(request("i", "initialize", { protocolVersion: "2025-11-25", ...SAMPLING }));
    expect(client.answerTo("i")).toMatchObject({ result: { capabilities: { tools: {} } } });
    expect([own.length, shared.length]).toEqual([0, 1]);
    expect(shared[0]?.sentOf("initialize")).toEqual([]);
  });

  it("are one for all where the backend has no more", async () => {
    const { servers, shared } = underTest();
    const { openOwn: _, ...options } = { ...underTestOptions(shared) };
    const single = new StdioServers(options);
    await single.connect(SAMPLING, new ScriptedClient());
    expect([single.ownProcesses, shared.length, servers.ownProcesses]).toEqual([0, 1, 0]);
  });

  it("start once for clients that come together, and again when they have died", async () => {
    const { connect, shared } = underTest();
    const [one] = await Promise.all([connect(), connect(), connect()]);
    expect(shared).toHaveLength(1);
    shared[0]?.dies();
    expect(one?.client.closedFor).toBeDefined();
    await connect();
    expect(shared).toHaveLength(2);
  });

  it("are tried anew when one did not start", async () => {
    let tries = 0;
    const { connect } = underTest({
      openShared: async () => {
        tries += 1;
        throw new Error("no such program");
      },
    });
    await expect(connect()).rejects.toMatchObject({ reason: "UpstreamUnreachable" });
    await expect(connect()).rejects.toMatchObject({ reason: "UpstreamUnreachable" });
    expect(tries).toBe(2);
  });

  it("are bounded, and end with their clients", async () => {
    const { servers, connect, own } = underTest();
    const clients = await Promise.all([connect(SAMPLING), connect(SAMPLING)]);
    await expect(connect(SAMPLING)).rejects.toMatchObject({ reason: "TooManySessions" });
    clients[0]?.port.close();
    expect([own[0]?.isClosed, servers.ownProcesses]).toEqual([true, 1]);
    await connect(SAMPLING);
    own[1]?.dies();
    expect([clients[1]?.client.closedFor, servers.ownProcesses]).toEqual(["the process is gone", 1]);
  });

  it("give back what a start that failed had taken", async () => {
    const failing = underTest({ ownProcesses: 1, openOwn: () => Promise.reject(new Error("no memory")) });
    await expect(failing.connect(SAMPLING)).rejects.toMatchObject({ reason: "UpstreamUnreachable" });
    expect(failing.servers.ownProcesses).toBe(0);
  });

  it("end when the deployment does, and none comes after", async () => {
    const { servers, connect, own, shared } = underTest();
    const clients = [await connect(SAMPLING), await connect()];
    servers.close("replaced");
    await Promise.resolve();
    expect(clients.map(({ client }) => client.closedFor)).toEqual(["replaced", "replaced"]);
    expect([own[0]?.isClosed, shared[0]?.isClosed]).toEqual([true, true]);
    await expect(connect()).rejects.toMatchObject({ reason: "UpstreamReplaced" });
    await expect(connect(SAMPLING)).rejects.toMatchObject({ reason: "UpstreamReplaced" });
  });
});

function underTestOptions(shared: ScriptedChannel[]): StdioServersOptions {
  return {
    clock: new FakeClock(),
    clientInfo: { name: "slipway", version: "1" },
    openShared: async () => {
      const channel = new ScriptedChannel();
      channel.answer = ({ method }) => (method === "initialize" ? { protocolVersion: "2025-11-25" } : {});
      shared.push(channel);
      return channel.open;
    },
    sessionMode: "Shared",
    ownProcesses: 2,
  };
}

describe("a process of one client's own", () => {
  it("has everything as the client sent it, and the client as the process did", async () => {
    const { connect, own } = underTest();
    const { client, port } = await connect(SAMPLING);
    const [channel] = own;
    if (!channel) throw new Error("no process");
    channel.answer = () => undefined;
    const sent = [
      request("i", "initialize", SAMPLING),
      notification("notifications/initialized"),
      request(1, "tools/call", { _meta: { progressToken: "t" }, task: {} }),
    ];
    for (const message of sent) port.send(message);
    expect(channel.sent).toEqual(sent);
    const said = [
      request(1, "sampling/createMessage"),
      notification("notifications/progress", { progressToken: "t", progress: 1 }),
      notification("notifications/elicitation/complete", { elicitationId: "e" }),
    ];
    for (const message of said) channel.says(message);
    expect(client.received).toEqual(said);
    const answer = { jsonrpc: "2.0", id: 1, result: { role: "assistant" } } as const;
    port.send(answer);
    expect(channel.sent.at(-1)).toEqual(answer);
    port.send(answer);
    expect(channel.sent).toHaveLength(4);
  });

  it("answers for a process that has died, once", async () => {
    const { connect, own } = underTest();
    const { client, port } = await connect(SAMPLING);
    for (const id of [1, 2, 3]) port.send(request(id, "tools/call"));
    own[0]?.says({ jsonrpc: "2.0", id: 1, result: {} });
    port.send(notification("notifications/cancelled", { requestId: 2 }));
    own[0]?.says({ jsonrpc: "2.0", id: 2, result: {} });
    own[0]?.dies();
    port.send(request(4, "tools/call"));
    expect(client.received).toMatchObject([
      { id: 1, result: {} },
      { id: 3, error: { code: -32000, data: { reason: "UpstreamFailed" } } },
      { id: 4, error: { code: -32000, data: { reason: "UpstreamFailed" } } },
    ]);
  });

  it("is bounded both ways", async () => {
    const { connect, own } = underTest({ limits: { callsPerClient: 1 } });
    const { client, port } = await connect(SAMPLING);
    for (const id of [1, 1, 2]) port.send(request(id, "tools/call"));
    const reasons = client.received.map(
      (message) => "error" in message && (message.error.data as { reason: string }).reason,
    );
    expect(reasons).toEqual(["IdInUse", "TooManyCalls"]);
    for (const id of [1, 2]) own[0]?.says(request(id, "roots/list"));
    expect(own[0]?.sent.at(-1)).toMatchObject({ id: 2, error: { code: -32000 } });
  });
});

const EVERYTHING = fileURLToPath(
  new URL("../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);

describe("server-everything as the own process of two clients", () => {
  it("asks each of them for its own calls", async () => {
    const children: ChildProcess[] = [];
    await using _ = {
      async [Symbol.asyncDispose]() {
        for (const child of children) {
          child.kill("SIGKILL");
          if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        }
      },
    };
    const connect = async (name: string) => {
      const child = spawn(process.execPath, [EVERYTHING, "stdio"], { stdio: ["pipe", "pipe", "ignore"] });
      children.push(child);
      const options = {
        open: lineChannel(Duplex.from({ readable: child.stdout, writable: child.stdin })),
        ...{ limits: DEFAULT_LIMITS, onDropped: () => undefined, onEnd: () => undefined },
      };
      const client = new Client({ name, version: "1" }, { capabilities: { sampling: {} } });
      client.setRequestHandler(CreateMessageRequestSchema, async () => ({
        ...{ model: "none", role: "assistant" as const, content: { type: "text" as const, text: `said by ${name}` } },
      }));
      const transport = portTransport((events) => new OwnServer(options, events));
      await client.connect(transport as unknown as Parameters<typeof client.connect>[0]);
      return client;
    };
    const names = ["ann", "bob"];
    const clients = await Promise.all(names.map(connect));
    const sample = { name: "trigger-sampling-request", arguments: { prompt: "say who you are", maxTokens: 10 } };
    const answers = await Promise.all(clients.map((client) => client.callTool(sample)));
    for (const [at, answer] of answers.entries()) {
      expect(JSON.stringify(answer)).toContain(`said by ${names[at]}`);
      expect(JSON.stringify(answer)).not.toContain(`said by ${names[1 - at]}`);
    }
    await Promise.all(clients.map((client) => client.close()));
  }, 30_000);
});
