import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../test/support/eventually.ts";
import { bodyOf, startServer } from "../../test/support/mcp-gateway.ts";
import { connectToServer } from "./server-connection.ts";

interface Heard {
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
}

type Result = Record<string, unknown> | "nothing" | "flood" | "garbage";

/** A server of the earlier era with a session, which answers as it is told. */
async function scriptedServer(results: Readonly<Record<string, Result>>) {
  const heard: Heard[] = [];
  const server = await startServer(async (request, response) => {
    const { method: verb = "", headers } = request;
    const message = verb === "POST" ? JSON.parse(await bodyOf(request)) : {};
    heard.push({ method: message.method ?? verb, headers });
    if (verb !== "POST" || message.id === undefined) return response.writeHead(202).end();
    const initialized = {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "scripted", version: "1" },
    };
    const result = message.method === "initialize" ? initialized : results[message.method];
    if (result === "nothing") return;
    response.setHeader("mcp-session-id", "s-1").setHeader("content-type", "application/json");
    if (result === "flood") return flood(response);
    if (result === "garbage") return response.end("<html>");
    const { id } = message;
    const error = { code: -32601, message: "Method not found" };
    return response.end(JSON.stringify({ jsonrpc: "2.0", id, ...(result === undefined ? { error } : { result }) }));
  });
  return { ...server, heard, methods: () => heard.map(({ method }) => method) };
}

/** As much as anybody reads. */
function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(1024 * 1024, " ");
  const more = () => {
    while (!response.destroyed && response.write(chunk));
    response.once("drain", more);
  };
  more();
}

function connection(url: string, { signal = new AbortController().signal, timeoutMs = 5_000 } = {}) {
  return connectToServer({ url: new URL(url), authorization: "Bearer t", timeoutMs, signal });
}

const tool = { name: "slow", inputSchema: { type: "object" } };

describe("a connection to a server", () => {
  it("shows the token in each request, listens to nothing unasked, and ends its session", async () => {
    await using server = await scriptedServer({ "tools/list": { tools: [tool] } });
    {
      await using open = await connection(server.url);
      expect(await open.listTools()).toMatchObject({ tools: [{ name: "slow" }], truncated: false });
    }
    expect(server.methods()).toEqual([
      ...["server/discover", "initialize", "notifications/initialized", "tools/list", "DELETE"],
    ]);
    expect(new Set(server.heard.map(({ headers }) => headers.authorization))).toEqual(new Set(["Bearer t"]));
  });

  it("reads a list that never ends to a bound", async () => {
    await using server = await scriptedServer({ "tools/list": { tools: [tool], nextCursor: "again" } });
    await using open = await connection(server.url);
    const { tools, truncated } = await open.listTools();
    expect({ count: tools.length, truncated }).toEqual({ count: 100, truncated: true });
  });

  it("tells the server that nobody waits for a call any more", async () => {
    await using server = await scriptedServer({ "tools/call": "nothing" });
    const stop = new AbortController();
    const called = (async () => {
      await using open = await connection(server.url, { signal: stop.signal });
      await open.callTool({ name: "slow", definition: undefined }, {});
    })();
    const failed = expect(called).rejects.toMatchObject({ kind: "cancelled" });
    await eventually("the call is under way", () => server.methods().includes("tools/call"), { everyMs: 10 });
    stop.abort();
    await failed;
    expect(server.methods().slice(-2)).toEqual(["notifications/cancelled", "DELETE"]);
  });

  it.each([
    { because: "it takes too long", result: "nothing", timeoutMs: 200, expected: { kind: "timeout" } },
    { because: "it has no end", result: "flood", expected: { kind: "invalid" } },
    { because: "it is no MCP", result: "garbage", expected: { kind: "invalid" } },
    { because: "it is an error", result: undefined, expected: { kind: "rpc-error", message: "Method not found" } },
  ] as const)("says what is wrong with an answer: $because", async ({ result, expected, ...options }) => {
    await using server = await scriptedServer(result === undefined ? {} : { "tools/list": result });
    await using open = await connection(server.url, options);
    await expect(open.listTools()).rejects.toMatchObject({ name: "McpFailure", ...expected });
  });

  it("is refused in the words of whoever refuses", async () => {
    const answers = [
      { body: '{"error": {"message": "asleep", "data": {"reason": "ScaledToZero"}}}', reason: "ScaledToZero" },
      { body: "<h1>no</h1>", reason: undefined },
    ];
    for (const { body, reason } of answers) {
      await using server = await startServer((_, response) => response.writeHead(503).end(body));
      const message = reason === undefined ? "answered with HTTP 503" : "asleep";
      await expect(connection(server.url)).rejects.toMatchObject({ kind: "refused", status: 503, reason, message });
    }
  });
});
