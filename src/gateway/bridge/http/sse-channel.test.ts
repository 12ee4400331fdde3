import type { ServerResponse } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { httpWorld } from "../../../../test/support/mcp/http-world.ts";
import { request, ScriptedClient } from "../../../../test/support/mcp/server-channel.ts";
import type { Received, Script } from "../../../../test/support/scripted-mcp-server.ts";
import { sseChannel } from "./sse-channel.ts";

const CAPABILITIES = {
  protocolVersion: "2024-11-05",
  capabilities: { tools: {} },
  serverInfo: { name: "s", version: "1" },
};

/** A server of HTTP+SSE: answers go to the stream that was opened last. */
function legacy({
  endpoint = "/mcp?session=1",
  call,
}: {
  endpoint?: string;
  call?: (stream: ServerResponse) => void;
} = {}) {
  let stream: ServerResponse | undefined;
  const script: Script = ({ http, id, method }: Received, response) => {
    if (http === "GET") {
      stream = response.writeHead(200, { "content-type": "text/event-stream" });
      stream.write(`event: endpoint\ndata: ${endpoint}\n\n`);
      return;
    }
    if (method === "refused") return void response.writeHead(400).end();
    response.writeHead(202).end();
    if (id === undefined || stream === undefined) return;
    if (method === "tools/call" && call) return call(stream);
    const result = method === "initialize" ? CAPABILITIES : { content: [] };
    stream.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
  };
  return script;
}

describe("a server of legacy SSE, for a client of 2026-07-28", () => {
  it("is asked on one stream for the requests of one owner", async () => {
    await using world = await httpWorld(legacy(), { transport: "sse" });
    for (const _ of [1, 2])
      expect(await (await world.ask("tools/call")).answer()).toMatchObject({ result: { content: [] } });
    expect(world.server.methods).toEqual([
      "GET",
      "initialize",
      "notifications/initialized",
      "tools/call",
      "tools/call",
    ]);
  });

  it("that ends its stream leaves no call without an answer, and is asked on another one then", async () => {
    let calls = 0;
    const call = (stream: ServerResponse) => {
      calls += 1;
      stream.destroy();
    };
    await using world = await httpWorld(legacy({ call }), { transport: "sse" });
    expect(await (await world.ask("tools/call")).answer()).toMatchObject({
      error: { data: { reason: "UpstreamFailed" } },
    });
    expect(await (await world.ask("tools/call")).answer()).toHaveProperty("error");
    expect([calls, world.server.methods.filter((method) => method === "GET").length]).toEqual([2, 2]);
  });

  it("gets what comes after the handshake behind it", async () => {
    const order: (string | undefined)[] = [];
    const script = legacy();
    const slow: Script = (received, response) => {
      if (received.method === "tools/call") order.push(received.method);
      if (received.method !== "notifications/initialized") return script(received, response);
      setTimeout(() => {
        order.push(received.method);
        script(received, response);
      }, 20);
    };
    await using world = await httpWorld(slow, { transport: "sse" });
    await Promise.all([1, 2].map(async () => (await world.ask("tools/call")).answer()));
    expect(order).toEqual(["notifications/initialized", "tools/call", "tools/call"]);
  });

  it("that refuses a message has refused the request", async () => {
    await using world = await httpWorld(legacy(), { transport: "sse" });
    expect(await (await world.ask("refused")).answer()).toMatchObject({
      error: { data: { reason: "UpstreamRefused" } },
    });
  });

  it.each(["https://elsewhere.example.com/m", "//elsewhere/m", "http://127.0.0.1:1/m"])(
    "is not followed to %s",
    async (endpoint) => {
      await using world = await httpWorld(legacy({ endpoint }), { transport: "sse" });
      await expect(world.ask("tools/call")).rejects.toMatchObject({ reason: "UpstreamUnreachable" });
      expect(world.server.methods).toEqual(["GET"]);
    },
  );

  it("that does not say where messages go is given up", async () => {
    const clock = new FakeClock();
    const client = new ScriptedClient();
    const open = sseChannel({
      ...{ clock, origin: "http://localhost", path: "/sse" },
      request: async ({ signal }) => ({
        ...{ status: 200, headers: { "content-type": "text/event-stream" } },
        body: silence(signal),
      }),
    });
    const channel = open({
      ...client,
      onMessage: (message) => client.onMessage(message),
      onClose: (reason) => client.onClose(reason),
      onInvalid: () => undefined,
    });
    channel.send(request(1, "initialize"));
    await clock.advance(10_000);
    expect(client.closedFor).toBe("the server did not say where messages go");
  });
});

/** Nothing, until nobody listens. */
async function* silence(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  yield* [];
}
