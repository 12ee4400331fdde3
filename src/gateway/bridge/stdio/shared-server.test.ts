import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { Client as ClientV2, type Transport } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport as StdioServerTransportV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { portTransport, ScriptedClient } from "../../../../test/support/mcp/server-channel.ts";
import { randomFrom } from "../../../../test/support/random.ts";
import { systemClock } from "../../../machinery/clock.ts";
import { lineChannel } from "./server-channel.ts";
import { type SharedServer, type SharedServerOptions, startSharedServer } from "./shared-server.ts";

const EVERYTHING = fileURLToPath(
  new URL("../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);
const options: SharedServerOptions = { clock: systemClock, clientInfo: { name: "slipway", version: "1" } };

type Started = { shared: SharedServer } & AsyncDisposable;

async function everything(): Promise<Started & { child: ChildProcess }> {
  const child = spawn(process.execPath, [EVERYTHING, "stdio"], { stdio: ["pipe", "pipe", "ignore"] });
  const shared = await startSharedServer(
    lineChannel(Duplex.from({ readable: child.stdout, writable: child.stdin })),
    options,
  );
  return {
    shared,
    child,
    async [Symbol.asyncDispose]() {
      shared.close("the test is over");
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function serverV1(): Promise<Started> {
  const [near, far] = duplexPair();
  const server = new McpServerV1({ name: "v1", version: "1" });
  server.registerTool("echo", { inputSchema: { text: z.string() } }, async ({ text }) => {
    await new Promise(setImmediate);
    return { content: [{ type: "text", text }] };
  });
  await server.connect(new StdioServerTransportV1(far, far) as unknown as Parameters<typeof server.connect>[0]);
  const shared = await startSharedServer(lineChannel(near), options);
  return { shared, [Symbol.asyncDispose]: async () => shared.close("the test is over") };
}

async function serverV2(): Promise<Started & { changed(): void }> {
  const [near, far] = duplexPair();
  let current: McpServer | undefined;
  const create = () => {
    current = new McpServer({ name: "v2", version: "1" }, { capabilities: { tools: { listChanged: true } } });
    current.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, async ({ text }, context) => {
      const progressToken = context.mcpReq._meta?.progressToken;
      if (progressToken !== undefined) {
        await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: 1 } });
      }
      return { content: [{ type: "text", text }] };
    });
    return current;
  };
  const handle = serveStdio(create, { transport: new StdioServerTransport(far, far) });
  const shared = await startSharedServer(lineChannel(near), options);
  return {
    shared,
    changed: () => current?.sendToolListChanged(),
    async [Symbol.asyncDispose]() {
      shared.close("the test is over");
      await handle.close();
    },
  };
}

interface AnyClient {
  call(method: string, params?: Record<string, unknown>, onprogress?: () => void): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

async function connectV1({ connect }: SharedServer, capabilities = {}): Promise<AnyClient & { client: ClientV1 }> {
  const client = new ClientV1({ name: "test", version: "1" }, { capabilities });
  await client.connect(portTransport(connect) as unknown as Parameters<typeof client.connect>[0]);
  return {
    client,
    call: (method, params = {}, onprogress) =>
      client.request({ method, params }, z.looseObject({}), { ...(onprogress && { onprogress }) }),
    close: () => client.close(),
  };
}

async function connectV2(
  { connect }: SharedServer,
  mode: "legacy" | { pin: string },
): Promise<AnyClient & { client: ClientV2 }> {
  const client = new ClientV2({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(portTransport(connect) as unknown as Transport);
  return {
    client,
    call: (method, params = {}, onprogress) =>
      client.request({ method, params }, z.looseObject({}), { ...(onprogress && { onprogress }) }),
    close: () => client.close(),
  };
}

const echo = (message: string) => ({ name: "echo", arguments: { message, text: message } });

describe("server-everything over stdio, shared", () => {
  it("serves clients of both SDK versions, each its own", async () => {
    await using server = await everything();
    expect(server.shared.greeting.era).toBe("sessions");
    const clients = [await connectV1(server.shared), await connectV2(server.shared, "legacy")];
    for (const [at, { call, close }] of clients.entries()) {
      const { tools } = (await call("tools/list")) as { tools: { name: string }[] };
      const names = tools.map(({ name }) => name);
      expect(names).toContain("echo");
      // It was told that nobody can be asked.
      expect(names).not.toContain("trigger-sampling-request");
      let progress = 0;
      const long = { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps: 2 } };
      const [echoed, operated] = await Promise.all([
        call("tools/call", echo(`${at}`)),
        call("tools/call", long, () => (progress += 1)),
      ]);
      expect(echoed).toMatchObject({ content: [{ text: `Echo: ${at}` }] });
      expect([operated.isError ?? false, progress]).toEqual([false, 2]);
      expect(await call("prompts/list")).toHaveProperty("prompts");
      const { resources } = (await call("resources/list")) as { resources: { uri: string }[] };
      const uri = resources[0]?.uri ?? "";
      expect(await call("resources/read", { uri })).toMatchObject({ contents: [{ uri }] });
      await call("resources/subscribe", { uri });
      await call("resources/unsubscribe", { uri });
      await call("logging/setLevel", { level: "info" });
      await close();
    }
  }, 30_000);

  it("rejects what is pending when it is killed", async () => {
    await using server = await everything();
    const { call } = await connectV1(server.shared);
    const long = call("tools/call", { name: "trigger-long-running-operation", arguments: { duration: 60, steps: 1 } });
    await call("tools/call", echo("it runs"));
    server.child.kill("SIGKILL");
    await expect(long).rejects.toThrow(/process/);
    expect(server.shared.isClosed).toBe(true);
  }, 30_000);
});

describe("servers of the SDK over stdio, shared", () => {
  it("answer 50 clients at once, each its own, where the server is of version 1", async () => {
    await using server = await serverV1();
    const clients = await Promise.all(Array.from({ length: 50 }, () => connectV1(server.shared)));
    const random = randomFrom(3);
    await Promise.all(
      clients.flatMap(({ call }, name) =>
        Array.from({ length: 20 }, async (_, turn) => {
          for (let wait = Math.floor(random() * 4); wait > 0; wait -= 1) await new Promise(setImmediate);
          const answer = await call("tools/call", echo(`${name}.${turn}`));
          expect(answer).toMatchObject({ content: [{ text: `${name}.${turn}` }] });
        }),
      ),
    );
    expect(server.shared.callsUnderWay).toBe(0);
  }, 30_000);

  it("speak revision 2026-07-28 where they can", async () => {
    await using server = await serverV2();
    expect(server.shared.greeting.era).toBe("stateless");
    const clients = await Promise.all([1, 2].map(() => connectV2(server.shared, { pin: "2026-07-28" })));
    for (const [at, { call }] of clients.entries()) {
      let progress = 0;
      const answer = await call("tools/call", echo(`${at}`), () => (progress += 1));
      expect([answer, progress]).toMatchObject([{ content: [{ text: `${at}` }] }, 1]);
    }
    const changes: number[] = [];
    for (const [at, { client }] of clients.entries()) {
      client.setNotificationHandler("notifications/tools/list_changed", () => void changes.push(at));
    }
    await clients[1]?.client.listen({ toolsListChanged: true });
    server.changed();
    await clients[1]?.call("tools/list");
    expect(changes).toEqual([1]);
  }, 30_000);
});

describe("a server that prints what is no message", () => {
  it("serves on through 10,000 malformed lines, of which no client sees anything", async () => {
    const [near, far] = duplexPair();
    const server = new McpServerV1({ name: "noisy", version: "1" });
    server.registerTool("echo", { inputSchema: { text: z.string() } }, async ({ text }) => ({
      content: [{ type: "text", text }],
    }));
    await server.connect(new StdioServerTransportV1(far, far) as unknown as Parameters<typeof server.connect>[0]);
    let dropped = 0;
    const shared = await startSharedServer(lineChannel(near, 4_096), { ...options, onDropped: () => (dropped += 1) });
    const bystander = new ScriptedClient();
    shared.connect(bystander);
    const { call } = await connectV1(shared);
    const lines = malformedLines(10_000);
    for (const [at, line] of lines.entries()) {
      far.write(`${line}\n`);
      if (at % 1_000 === 0) {
        expect(await call("tools/call", echo(`${at}`))).toMatchObject({ content: [{ text: `${at}` }] });
      }
    }
    await call("tools/list");
    expect(dropped).toBe(lines.length);
    expect(bystander.received).toEqual([]);
    shared.close("the test is over");
  }, 60_000);
});

/** Nothing that any client has asked for or could be told. */
function malformedLines(count: number): string[] {
  const random = randomFrom(5);
  const kinds: (() => string)[] = [
    () => "starting up…",
    () => "{",
    () => "[]",
    () => "[1]",
    () => "null",
    () => `"${"x".repeat(Math.floor(random() * 100))}"`,
    () => "{}",
    () => '{"jsonrpc":"1.0","id":1,"result":{}}',
    () => '{"jsonrpc":"2.0","id":1}',
    () => '{"jsonrpc":"2.0","id":1,"result":[]}',
    () => '{"jsonrpc":"2.0","id":1.5,"result":{}}',
    () => '{"jsonrpc":"2.0","id":{},"result":{}}',
    () => '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
    () => '{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}',
    () => '{"jsonrpc":"2.0","id":999999,"result":{}}',
    () => '{"jsonrpc":"2.0","id":"1","result":{}}',
    () => '{"jsonrpc":"2.0","error":{"code":-32700,"message":"?"}}',
    () => '{"jsonrpc":"2.0","id":null,"method":"x"}',
    () => '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":{},"progress":1}}',
    () => '{"jsonrpc":"2.0","method":"notifications/progress","params":[]}',
    () => '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":7}}',
    () => '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"loud"}}',
    () => '{"jsonrpc":"2.0","method":"__proto__","params":{"__proto__":{"x":1}}}',
    () => "x".repeat(5_000 + Math.floor(random() * 5_000)),
    () => `{"jsonrpc":"2.0","method":"${String.fromCharCode(0xd800)}","params":{}`,
  ];
  return Array.from({ length: count }, () => kinds[Math.floor(random() * kinds.length)]?.() ?? "");
}
