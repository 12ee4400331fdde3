import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type ClientKind, connectClient, type McpClient } from "../support/mcp/clients.ts";
import { type Everything, startEverything } from "../support/mcp/everything.ts";
import { BIG, type ModernServer, startModernServer } from "../support/mcp/modern-server.ts";
import { endpointAt, type GatewayUnderTest, startGatewayUnderTest } from "../support/mcp-gateway.ts";

/** Clients of one era on servers of the other, with real ones of both. */
let streamable: Everything;
let sse: Everything;
let modern: ModernServer;
let both: ModernServer;
let gateway: GatewayUnderTest;

const STATELESS = "2026-07-28";

function endpoints() {
  return [
    endpointAt(streamable.url, { name: "streamable" }),
    endpointAt(sse.url, { name: "sse", transport: "sse" }),
    endpointAt(modern.url, { name: "modern", protocolVersion: STATELESS }),
    endpointAt(both.url, { name: "both", protocolVersion: STATELESS }),
  ];
}

beforeAll(async () => {
  [streamable, sse, modern, both] = await Promise.all([
    startEverything("streamableHttp"),
    startEverything("sse"),
    startModernServer("reject"),
    startModernServer(),
  ]);
  gateway = await startGatewayUnderTest(endpoints());
}, 60_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await Promise.all([streamable, sse, modern, both].map((server) => server[Symbol.asyncDispose]()));
});

function connect(kind: ClientKind, server: string): Promise<McpClient> {
  return connectClient(kind, `${gateway.url}/team-a/${server}/mcp`);
}

function received({ recorded }: McpClient, method: string): readonly Record<string, unknown>[] {
  return recorded
    .filter(({ way, message }) => way === "received" && message.method === method)
    .map((each) => each.message);
}

async function textOf(result: Promise<Record<string, unknown>>): Promise<string> {
  const { content } = (await result) as { content: { text: string }[] };
  return content.map(({ text }) => text).join("\n");
}

describe.each(["streamable", "sse"])("a client of 2026-07-28 on a server of 2025-11-25 over %s", (server) => {
  const talk = async (what: (client: McpClient) => Promise<void>) => {
    await using client = await connect("v2 pinned", server);
    expect(client.protocolVersion).toBe(STATELESS);
    await what(client);
  };
  const tool = (client: McpClient, name: string, args = {}) => client.call("tools/call", { name, arguments: args });

  it("calls tools, small and large", () =>
    talk(async (client) => {
      const { tools } = (await client.call("tools/list")) as { tools: { name: string }[] };
      expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["echo", "trigger-sampling-request"]));
      const message = "x".repeat(3 * 1024 * 1024);
      expect(await textOf(tool(client, "echo", { message }))).toHaveLength(message.length + "Echo: ".length);
      expect(await tool(client, "no-such-tool")).toMatchObject({ isError: true });
    }));

  it("has prompts, resources and completion", () =>
    talk(async (client) => {
      expect(await client.call("prompts/get", { name: "simple-prompt" })).toHaveProperty("messages");
      const { resources } = (await client.call("resources/list")) as { resources: { uri: string }[] };
      const uri = resources[0]?.uri ?? "";
      expect(await client.call("resources/read", { uri })).toMatchObject({ contents: [{ uri }] });
      const ref = { type: "ref/prompt", name: "completable-prompt" };
      const completed = await client.call("completion/complete", { ref, argument: { name: "department", value: "E" } });
      expect(completed).toMatchObject({ completion: { values: ["Engineering"] } });
    }));

  it("is asked for sampling and elicitation inside results", () =>
    talk(async (client) => {
      expect(await textOf(tool(client, "trigger-sampling-request", { prompt: "p", maxTokens: 5 }))).toContain(
        "sampled",
      );
      expect(await textOf(tool(client, "trigger-elicitation-request"))).toContain("declined");
      expect(received(client, "sampling/createMessage")).toEqual([]);
    }));

  it("has progress, and cancels", () =>
    talk(async (client) => {
      const run = (duration: number, steps: number) => ({
        name: "trigger-long-running-operation",
        arguments: { duration, steps },
      });
      await client.call("tools/call", run(0.2, 4), { onProgress: () => undefined });
      expect(received(client, "notifications/progress")).toHaveLength(4);
      const cancel = new AbortController();
      const long = client.call("tools/call", run(30, 300), { onProgress: () => cancel.abort(), signal: cancel.signal });
      await expect(long).rejects.toThrow();
      expect(await textOf(tool(client, "echo", { message: "after" }))).toBe("Echo: after");
    }));

  it(
    "hears of resources that it subscribed to",
    () =>
      talk(async (client) => {
        const { resources } = (await client.call("resources/list")) as { resources: { uri: string }[] };
        const uri = resources[0]?.uri ?? "";
        const updated: string[] = [];
        client.v2?.setNotificationHandler(
          "notifications/resources/updated",
          ({ params }) => void updated.push(params.uri),
        );
        const subscription = await client.v2?.listen({ resourceSubscriptions: [uri] });
        await tool(client, "toggle-subscriber-updates");
        await eventually("the resource is updated", () => updated.includes(uri), { timeoutMs: 20_000 });
        await subscription?.close();
      }),
    30_000,
  );
});

describe.each<ClientKind>(["v1 streamable", "v2 legacy"])(
  "a client with a session, %s, on a server of 2026-07-28",
  (kind) => {
    it("calls tools, large ones too, and those whose arguments go along in headers", async () => {
      await using client = await connect(kind, "modern");
      expect(await textOf(client.call("tools/call", { name: "big" }))).toHaveLength(BIG);
      const call = { name: "where", arguments: { region: "zürich " } };
      expect(await textOf(client.call("tools/call", call))).toBe("zürich ");
      expect(await client.call("tools/call", { name: "echo", arguments: { text: 1 } })).toMatchObject({
        isError: true,
      });
    });

    it("has prompts, resources and completion", async () => {
      await using client = await connect(kind, "modern");
      expect(await client.call("prompts/get", { name: "talk", arguments: { topic: "tea" } })).toHaveProperty(
        "messages",
      );
      expect(await client.call("resources/read", { uri: "test://it" })).toMatchObject({ contents: [{ text: "it" }] });
      await expect(client.call("resources/read", { uri: "test://other" })).rejects.toThrow();
      const ref = { type: "ref/prompt", name: "talk" };
      const completed = await client.call("completion/complete", { ref, argument: { name: "topic", value: "t" } });
      expect(completed).toMatchObject({ completion: { values: ["tea"] } });
    });

    it("is asked by requests for what the server needs", async () => {
      await using client = await connect(kind, "modern");
      const given = JSON.parse(await textOf(client.call("tools/call", { name: "asks" })));
      expect(given).toMatchObject({ drink: { action: "decline" }, model: { content: { text: "sampled" } } });
      expect(received(client, "elicitation/create")).toHaveLength(1);
    });

    it("has progress, and cancels", async () => {
      await using client = await connect(kind, "modern");
      await client.call("tools/call", { name: "steps" }, { onProgress: () => undefined });
      expect(received(client, "notifications/progress")).toHaveLength(3);
      const cancel = new AbortController();
      const options = { onProgress: () => cancel.abort(), signal: cancel.signal };
      await expect(client.call("tools/call", { name: "waits" }, options)).rejects.toThrow();
      expect(await textOf(client.call("tools/call", { name: "echo", arguments: { text: "after" } }))).toBe("after");
    });

    it("hears of changed lists and of resources that it subscribed to", async () => {
      await using client = await connect(kind, "modern");
      await client.call("resources/subscribe", { uri: "test://it" });
      modern.resourceUpdated("test://it");
      modern.resourceUpdated("test://other");
      modern.toolsChanged();
      await eventually("both are heard of", () => received(client, "notifications/tools/list_changed").length > 0);
      expect(received(client, "notifications/resources/updated")).toMatchObject([{ params: { uri: "test://it" } }]);
    });
  },
);

it("serves clients of streamable HTTP at a server of legacy SSE, at the same URL as those of legacy SSE", async () => {
  await using streaming = await connect("v1 streamable", "sse");
  await using legacy = await connect("v1 sse", "sse");
  for (const client of [streaming, legacy]) {
    expect(await textOf(client.call("tools/call", { name: "echo", arguments: { message: "hi" } }))).toBe("Echo: hi");
    const sampled = client.call("tools/call", { name: "trigger-sampling-request", arguments: { prompt: "p" } });
    expect(await textOf(sampled)).toContain("sampled");
  }
});

it("passes clients of both eras through to a server of both", async () => {
  const before = gateway.dataPath.stats().sessions;
  await using earlier = await connect("v2 legacy", "both");
  await using later = await connect("v2 pinned", "both");
  for (const client of [earlier, later]) {
    expect(await textOf(client.call("tools/call", { name: "echo", arguments: { text: "hi" } }))).toBe("hi");
  }
  expect(gateway.dataPath.stats().sessions).toBe(before);
});

it("gives each of fifty clients its own answers, and frees everything when they have gone", async () => {
  const plan = [
    { kind: "v2 pinned", server: "streamable", tool: "echo", argument: "message", says: "Echo: " },
    { kind: "v2 legacy", server: "modern", tool: "echo", argument: "text", says: "" },
    { kind: "v2 pinned", server: "sse", tool: "echo", argument: "message", says: "Echo: " },
  ] as const;
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const { kind, server, tool, argument, says } = plan[index % plan.length] ?? plan[0];
      await using client = await connect(kind, server);
      for (let turn = 0; turn < 3; turn += 1) {
        const text = `client ${index}, turn ${turn}`;
        expect(await textOf(client.call("tools/call", { name: tool, arguments: { [argument]: text } }))).toBe(
          says + text,
        );
      }
      if (kind === "v2 legacy") return;
      const sampled = client.call("tools/call", { name: "trigger-sampling-request", arguments: { prompt: "p" } });
      expect(await textOf(sampled)).toContain("sampled");
    }),
  );
  await eventually("nothing is open", () => gateway.dataPath.stats().open === 0, { timeoutMs: 10_000 });
  expect(gateway.dataPath.stats().sessions).toBe(0);
}, 60_000);

describe("a call that is held", () => {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": STATELESS,
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": { sampling: {} },
  };
  const post = async (url: string, params: Record<string, unknown>) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { ...params, _meta } });
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": STATELESS,
      "mcp-method": "tools/call",
      "mcp-name": String(params.name),
    };
    const answer = await fetch(url, { method: "POST", headers, body });
    const text = await answer.text();
    return JSON.parse(/^data: (.+)$/m.exec(text)?.[1] ?? text) as {
      result?: { resultType: string; requestState: string; inputRequests: Record<string, unknown> };
      error?: { message: string };
    };
  };
  const SAMPLE = { name: "trigger-sampling-request", arguments: { prompt: "p", maxTokens: 5 } };
  const inputResponses = { "input-1": { model: "m", role: "assistant", content: { type: "text", text: "by hand" } } };

  it("goes on with the state, once, for the same request, and until the gateway is started again", async () => {
    const url = `${gateway.url}/team-a/streamable/mcp`;
    const { result: asked } = await post(url, SAMPLE);
    expect(asked).toMatchObject({
      resultType: "input_required",
      inputRequests: { "input-1": { method: "sampling/createMessage" } },
    });
    const requestState = asked?.requestState ?? "";
    const other = await post(url, { ...SAMPLE, arguments: { prompt: "q" }, requestState, inputResponses });
    expect(other.error?.message).toContain("another request");
    const elsewhere = await post(`${gateway.url}/team-a/sse/mcp`, { ...SAMPLE, requestState, inputResponses });
    expect(elsewhere.error?.message).toContain("somebody else");
    await using restarted = await startGatewayUnderTest(endpoints());
    const late = await post(`${restarted.url}/team-a/streamable/mcp`, { ...SAMPLE, requestState, inputResponses });
    expect(late.error?.message).toContain("started again");
    const { result } = await post(url, { ...SAMPLE, requestState, inputResponses });
    expect(JSON.stringify(result)).toContain("by hand");
    const again = await post(url, { ...SAMPLE, requestState, inputResponses });
    expect(again.error?.message).toContain("has been used");
  });

  it("is told when its server was killed meanwhile", async () => {
    await using mortal = await startEverything("streamableHttp");
    gateway.directory.receive([endpointAt(mortal.url, { name: "mortal" })], []);
    const url = `${gateway.url}/team-a/mortal/mcp`;
    const { result } = await post(url, SAMPLE);
    await mortal.kill();
    const killedMs = performance.now();
    const late = await post(url, { ...SAMPLE, requestState: result?.requestState, inputResponses });
    expect(late.error?.message).toBeDefined();
    expect(performance.now() - killedMs).toBeLessThan(10_000);
  }, 20_000);
});
