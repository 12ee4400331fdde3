import { describe, expect, it } from "@jest/globals";
import { earlierEra, events, json, type Script, ScriptedMcpServer } from "../../test/support/scripted-mcp-server.ts";
import type { McpFacts } from "./prober.ts";
import { StreamableHttpProbe } from "./streamable-http-probe.ts";

const run = (probe: StreamableHttpProbe): Promise<McpFacts> =>
  probe.run({ signal: AbortSignal.timeout(20_000), timeoutMs: 20_000 });

describe("a server of an earlier era", () => {
  it("is greeted once, and asked one question each time in one session", async () => {
    const script = earlierEra();
    await using server = await ScriptedMcpServer.start(script);
    const probe = new StreamableHttpProbe(server.url);
    const first = await run(probe);
    expect(first).toEqual({
      protocolVersion: "2025-06-18",
      serverInfo: { name: "scripted", version: "1.0" },
      tools: 1,
      toolNames: ["echo"],
    });
    expect(await run(probe)).toEqual(first);
    expect(await run(probe)).toEqual(first);
    expect(server.methods).toEqual([
      "server/discover",
      "initialize",
      "notifications/initialized",
      "tools/list",
      "tools/list",
      "tools/list",
    ]);
    const asked = server.received.filter(({ method }) => method === "tools/list");
    expect(new Set(asked.map(({ sessionId }) => sessionId))).toEqual(new Set(["session-1"]));
    expect(new Set(asked.map(({ headers }) => headers["mcp-protocol-version"]))).toEqual(new Set(["2025-06-18"]));
    expect(new Set(asked.map(({ id }) => id)).size).toBe(3);
    await probe.end();
    expect(script.live.size).toBe(0);
  });

  it("is greeted again within the probe when it lost the session, without asking for its era", async () => {
    const script = earlierEra();
    await using server = await ScriptedMcpServer.start(script);
    const probe = new StreamableHttpProbe(server.url);
    await run(probe);
    script.live.clear();
    server.received.length = 0;
    expect((await run(probe)).tools).toBe(1);
    expect(server.methods.filter((method) => method !== "DELETE")).toEqual([
      "tools/list",
      "initialize",
      "notifications/initialized",
      "tools/list",
    ]);
    await probe.end();
    expect(script.live.size).toBe(0);
  });

  it("gets a new session after 120 probes, and the old one is ended", async () => {
    const script = earlierEra();
    await using server = await ScriptedMcpServer.start(script);
    const probe = new StreamableHttpProbe(server.url);
    for (let index = 0; index < 121; index += 1) await run(probe);
    await probe.end();
    expect(server.methods.filter((method) => method === "initialize")).toHaveLength(2);
    expect(server.methods.filter((method) => method === "DELETE")).toHaveLength(2);
    expect(script.live.size).toBe(0);
  });

  it("is left without a session when the greeting fails half-way", async () => {
    const script = earlierEra({ on: { "tools/list": (_, response) => void response.writeHead(500).end("s3cret") } });
    await using server = await ScriptedMcpServer.start(script);
    const probe = new StreamableHttpProbe(server.url);
    await expect(run(probe)).rejects.toMatchObject({ reason: "ProbeInvalidAnswer", httpStatus: 500 });
    await probe.end();
    expect(server.methods).toContain("initialize");
    expect(script.live.size).toBe(0);
  });

  it("needs no session", async () => {
    await using server = await ScriptedMcpServer.start(earlierEra({ sessions: false }));
    const probe = new StreamableHttpProbe(server.url);
    await run(probe);
    await run(probe);
    await probe.end();
    expect(server.methods.filter((method) => method === "initialize")).toHaveLength(1);
    expect(server.methods).not.toContain("DELETE");
  });

  it("is pinged where it offers no tools", async () => {
    await using server = await ScriptedMcpServer.start(earlierEra({ tools: [] }));
    const probe = new StreamableHttpProbe(server.url);
    expect(await run(probe)).toMatchObject({ tools: undefined, toolNames: [] });
    expect(await run(probe)).toMatchObject({ tools: undefined, toolNames: [] });
    expect(server.methods.slice(2)).toEqual(["notifications/initialized", "ping", "ping"]);
  });

  it.each<{ because: string; script: Script }>([
    { because: "it fails on what it does not know", script: (_, response) => void response.writeHead(500).end() },
    {
      because: "it says nothing to what it does not know",
      script: (_, response) => void response.writeHead(202).end(),
    },
  ])("is greeted the earlier way where $because", async ({ script }) => {
    await using server = await ScriptedMcpServer.start(earlierEra({ on: { "server/discover": script } }));
    const probe = new StreamableHttpProbe(server.url);
    expect((await run(probe)).protocolVersion).toBe("2025-06-18");
    expect(server.methods.slice(0, 2)).toEqual(["server/discover", "initialize"]);
    await probe.end();
  });

  it("is not greeted again for its own failures", async () => {
    const script = earlierEra();
    await using server = await ScriptedMcpServer.start(script);
    const probe = new StreamableHttpProbe(server.url);
    await run(probe);
    server.received.length = 0;
    server.script = (_, response) => void response.writeHead(503).end();
    await expect(run(probe)).rejects.toMatchObject({ httpStatus: 503 });
    expect(server.methods).toEqual(["tools/list"]);
    server.script = script;
    await run(probe);
    expect(server.methods).toEqual(["tools/list", "tools/list"]);
  });
});

describe("the list of tools", () => {
  /** Pages of one tool each, without end. */
  const endless = earlierEra({
    on: {
      "tools/list": ({ id, params }, response) => {
        const page = Number(params.cursor ?? 0);
        const tools = [{ name: `tool-${page}`, inputSchema: { type: "object" } }];
        json(response, { jsonrpc: "2.0", id, result: { tools, nextCursor: String(page + 1) } });
      },
    },
  });

  it("is counted over pages up to a bound, both times", async () => {
    await using server = await ScriptedMcpServer.start(endless);
    const probe = new StreamableHttpProbe(server.url);
    for (const facts of [await run(probe), await run(probe)]) {
      expect(facts.tools).toBe(100);
      expect(facts.toolNames).toHaveLength(64);
      expect(facts.toolNames[63]).toBe("tool-63");
    }
    await probe.end();
  });

  it("shows names that cannot forge a line", async () => {
    const tools = ["a\u001b[31mb\u0000\nc\u202ed", "x".repeat(1_000)];
    await using server = await ScriptedMcpServer.start(earlierEra({ tools }));
    const { toolNames } = await run(new StreamableHttpProbe(server.url));
    expect(toolNames).toEqual(["a[31mbcd", "x".repeat(128)]);
  });

  it("is seen to change", async () => {
    const script = earlierEra({ tools: ["one"] });
    await using server = await ScriptedMcpServer.start(script);
    const probe = new StreamableHttpProbe(server.url);
    await run(probe);
    server.script = ({ id }, response) =>
      json(response, { jsonrpc: "2.0", id, result: { tools: [{ name: "one" }, { name: "two" }] } });
    expect(await run(probe)).toMatchObject({ tools: 2, toolNames: ["one", "two"] });
  });
});

it("takes the answer from a stream of events that goes on, and leaves it", async () => {
  const script = earlierEra({
    on: {
      "tools/list": ({ id }, response) => {
        const result = { tools: [{ name: "echo", inputSchema: { type: "object" } }] };
        const notice = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "s3cret" } };
        const question = { jsonrpc: "2.0", id: 7, method: "ping" };
        events(response, notice, question, { jsonrpc: "2.0", id, result });
      },
    },
  });
  await using server = await ScriptedMcpServer.start(script);
  const probe = new StreamableHttpProbe(server.url);
  expect((await run(probe)).tools).toBe(1);
  expect((await run(probe)).tools).toBe(1);
  await probe.end();
  while ((await server.connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});
