import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ClientKind, connectClient, type McpClient } from "../support/mcp/clients.ts";
import { type Everything, startEverything } from "../support/mcp/everything.ts";
import { BIG, startModernServer } from "../support/mcp/modern-server.ts";
import { comparable } from "../support/mcp/recording-transport.ts";
import { endpointAt, type GatewayUnderTest, startGatewayUnderTest } from "../support/mcp-gateway.ts";

/** What a client sees through the gateway is what it sees directly, message by message, where both are of one era. */
let streamable: Everything;
let sse: Everything;
let modern: Awaited<ReturnType<typeof startModernServer>>;
let gateway: GatewayUnderTest;
const urls: Record<string, string> = {};

beforeAll(async () => {
  [streamable, sse, modern] = await Promise.all([
    startEverything("streamableHttp"),
    startEverything("sse"),
    startModernServer(),
  ]);
  Object.assign(urls, { streamable: streamable.url, sse: sse.url, modern: modern.url });
  gateway = await startGatewayUnderTest([
    endpointAt(streamable.url, { name: "streamable" }),
    endpointAt(sse.url, { name: "sse", transport: "sse" }),
    endpointAt(modern.url, { name: "modern", protocolVersion: "2026-07-28" }),
  ]);
}, 60_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await Promise.all([streamable, sse, modern].map((server) => server[Symbol.asyncDispose]()));
});

/** Of the call that is cancelled, and of no other. */
const CANCELLED_STEPS = 150;

/** How far it gets until the server hears of that depends on the machine: its first step alone counts. */
function untilCancelled(seen: ReturnType<typeof comparable>): ReturnType<typeof comparable> {
  const isCancelled = (messages: readonly string[]) => messages[0]?.includes(`"total":${CANCELLED_STEPS},`) === true;
  return Object.fromEntries(
    Object.entries(seen).map(([key, messages]) => [key, isCancelled(messages) ? messages.slice(0, 1) : messages]),
  );
}

/** The error's code instead of a result: it is part of what a client sees. */
function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: { code?: unknown }) => ({ failed: error.code }));
}

/** As they came; the SDKs hand them on a little later than the result behind them. */
function progressOf({ recorded }: McpClient): number {
  return recorded.filter(({ message }) => message.method === "notifications/progress").length;
}

/** Everything that server-everything offers, one after the other. */
async function talkToEverything(client: McpClient): Promise<void> {
  const tool = (name: string, args: Record<string, unknown> = {}) =>
    client.call("tools/call", { name, arguments: args });
  await client.call("tools/list");
  await tool("echo", { message: "héllo ✓" });
  await tool("echo", { message: "x".repeat(2_000_000) });
  await tool("get-tiny-image");
  await tool("get-structured-content", { location: "New York" });
  await outcome(tool("get-sum", { a: "no number" }));
  await outcome(tool("no-such-tool"));
  await outcome(client.call("no/such/method"));
  await client.call("prompts/list");
  await client.call("prompts/get", { name: "simple-prompt" });
  const { resources } = (await client.call("resources/list")) as { resources: { uri: string }[] };
  const uri = resources[0]?.uri ?? "";
  await client.call("resources/templates/list");
  await client.call("resources/read", { uri });
  await client.call("resources/subscribe", { uri });
  await client.call("resources/unsubscribe", { uri });
  await client.call("completion/complete", {
    ref: { type: "ref/prompt", name: "completable-prompt" },
    argument: { name: "department", value: "E" },
  });
  await client.call("logging/setLevel", { level: "debug" });
  await client.call("ping");
  await tool("trigger-sampling-request", { prompt: "p", maxTokens: 5 });
  await tool("trigger-elicitation-request");
  const slow = { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps: 4 } };
  await client.call("tools/call", slow, { onProgress: () => undefined });
  expect(progressOf(client)).toBe(4);
  const cancel = new AbortController();
  const long = { name: "trigger-long-running-operation", arguments: { duration: 30, steps: CANCELLED_STEPS } };
  await outcome(client.call("tools/call", long, { onProgress: () => cancel.abort(), signal: cancel.signal }));
}

async function talkToModern(client: McpClient): Promise<void> {
  await client.call("tools/list");
  await client.call("tools/call", { name: "echo", arguments: { text: "héllo ✓" } });
  const { content } = (await client.call("tools/call", { name: "big" })) as { content: { text: string }[] };
  expect(content[0]?.text).toHaveLength(BIG);
  await outcome(client.call("tools/call", { name: "echo", arguments: { text: 1 } }));
  await outcome(client.call("tools/call", { name: "nothing" }));
  await client.call("resources/read", { uri: "test://it" });
  await outcome(client.call("resources/read", { uri: "test://other" }));
  await client.call("tools/call", { name: "steps" }, { onProgress: () => undefined });
  expect(progressOf(client)).toBe(3);
  const cancel = new AbortController();
  await outcome(
    client.call("tools/call", { name: "waits" }, { onProgress: () => cancel.abort(), signal: cancel.signal }),
  );
}

describe("message by message, through the gateway as directly", () => {
  it.each<{ client: ClientKind; server: string; revision?: string; talk: (client: McpClient) => Promise<void> }>([
    { client: "v1 streamable", server: "streamable", talk: talkToEverything },
    { client: "v2 legacy", server: "streamable", revision: "2025-11-25", talk: talkToEverything },
    { client: "v1 sse", server: "sse", talk: talkToEverything },
    { client: "v2 sse", server: "sse", revision: "2025-11-25", talk: talkToEverything },
    { client: "v2 auto", server: "modern", revision: "2026-07-28", talk: talkToModern },
    { client: "v2 pinned", server: "modern", revision: "2026-07-28", talk: talkToModern },
    { client: "v1 streamable", server: "modern", talk: talkToModern },
  ])("a client $client of a server $server", async ({ client: kind, server, revision, talk }) => {
    const [direct, through] = await Promise.all(
      [urls[server] ?? "", `${gateway.url}/team-a/${server}/mcp`].map(async (url) => {
        await using client = await connectClient(kind, url);
        if (revision !== undefined) expect(client.protocolVersion).toBe(revision);
        await talk(client);
        return untilCancelled(comparable(client.recorded));
      }),
    );
    expect(through).toEqual(direct);
    expect(Object.keys(through ?? {}).length).toBeGreaterThan(15);
  });

  it("a stream that is resumed by Last-Event-ID", async () => {
    const seen = await Promise.all(
      [streamable.url, `${gateway.url}/team-a/streamable/mcp`].map(async (url) => {
        const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
        const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
        const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
        const opened = await fetch(url, { method: "POST", headers, body });
        const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
        const first = /^id: (.+)$/m.exec(await opened.text())?.[1] ?? "";
        const cut = new AbortController();
        const resumed = await fetch(url, {
          headers: { ...headers, ...session, "last-event-id": first, "mcp-protocol-version": "2025-11-25" },
          signal: cut.signal,
        });
        const reader = resumed.body?.getReader();
        const chunk = new TextDecoder().decode((await reader?.read())?.value);
        cut.abort();
        const ended = await fetch(url, { method: "DELETE", headers: { ...headers, ...session } });
        return { status: resumed.status, ended: ended.status, chunk: chunk.replace(/^id: .*$/gm, "") };
      }),
    );
    expect(seen[0]).toMatchObject({ status: 200, ended: 200, chunk: expect.stringContaining('"id":1') });
    expect(seen[1]).toEqual(seen[0]);
  });

  it("a subscription of revision 2026-07-28", async () => {
    const heard = await Promise.all(
      [modern.url, `${gateway.url}/team-a/modern/mcp`].map(async (url) => {
        await using client = await connectClient("v2 pinned", url);
        const changed = Promise.withResolvers<void>();
        client.v2?.setNotificationHandler("notifications/tools/list_changed", () => changed.resolve());
        const subscription = await client.v2?.listen({ toolsListChanged: true });
        modern.toolsChanged();
        await changed.promise;
        await subscription?.close();
        return comparable(client.recorded)["received notifications/tools/list_changed "]?.[0];
      }),
    );
    expect(heard[0]).toContain("notifications/tools/list_changed");
    expect(heard[1]).toBe(heard[0]);
  });
});

it("gives each of fifty clients its own answers, and frees everything when they have gone", async () => {
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const server = index % 2 === 0 ? "streamable" : "sse";
      const kind = server === "sse" ? "v2 sse" : "v2 legacy";
      await using client = await connectClient(kind, `${gateway.url}/team-a/${server}/mcp`);
      for (let turn = 0; turn < 5; turn += 1) {
        const message = `client ${index}, turn ${turn}`;
        const { content } = await client.call("tools/call", { name: "echo", arguments: { message } });
        expect(content).toEqual([{ type: "text", text: `Echo: ${message}` }]);
      }
    }),
  );
  for (let turn = 0; turn < 100 && gateway.dataPath.stats().open > 0; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(gateway.dataPath.stats().open).toBe(0);
}, 90_000);
