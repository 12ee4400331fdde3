import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../../../test/support/eventually.ts";
import { type HttpWorld, httpWorld } from "../../../../test/support/mcp/http-world.ts";
import { notification, request, ScriptedClient } from "../../../../test/support/mcp/server-channel.ts";
import { events, json, type Script } from "../../../../test/support/scripted-mcp-server.ts";

const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
const LATER = { protocolVersion: "2026-07-28" };
const INITIALIZE = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } };

/** A server of 2026-07-28 alone; `on` says what becomes of its other methods. */
function stateless(on: Record<string, Script>): Script {
  return (received, response) => {
    const { id, method = "" } = received;
    if (on[method]) return on[method](received, response);
    const capabilities = { tools: { listChanged: true }, resources: { subscribe: true } };
    if (method === "server/discover") {
      return json(response, { jsonrpc: "2.0", id, result: { supportedVersions: ["2026-07-28"], capabilities } });
    }
    json(response, { jsonrpc: "2.0", id, error: { code: -32022, message: "no" } }, {}, 400);
  };
}

/** A client with a session that has had its handshake. */
async function connect({ servers }: HttpWorld) {
  const client = new ScriptedClient();
  const port = await servers.connect(INITIALIZE, client, { owner: "me" });
  port.send(request("i", "initialize", INITIALIZE));
  const answered = async (id: string) => {
    await eventually(`${id} is answered`, () => client.answerTo(id) !== undefined, { everyMs: 2 });
    return client.answerTo(id);
  };
  return { client, port, answered };
}

const listening: Script = ({ id }, response) =>
  events(response, {
    ...{ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged" },
    params: { notifications: {}, _meta: { [SUBSCRIPTION_ID]: id } },
  });

describe("a client with a session on a server of 2026-07-28 that listens", () => {
  it("has each request as a POST that says in headers what it is", async () => {
    const script = stateless({
      "tools/call": ({ id }, response) => json(response, { jsonrpc: "2.0", id, result: {} }),
    });
    await using world = await httpWorld(script, LATER);
    const { port, answered } = await connect(world);
    port.send(request("t", "tools/call", { name: "größe" }));
    expect(await answered("t")).toMatchObject({ result: {} });
    const { headers, params } = world.server.received.at(-1) ?? {};
    expect(headers).toMatchObject({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": `=?base64?${Buffer.from("größe").toString("base64")}?=`,
    });
    expect(params?._meta).toMatchObject({ "io.modelcontextprotocol/clientInfo": INITIALIZE.clientInfo });
    port.close();
  });

  it("is not told that a header was missing, but served with it", async () => {
    const inputSchema = {
      type: "object",
      properties: { at: { properties: { region: { type: "string", "x-mcp-header": "Region" } } } },
    };
    const script = stateless({
      "tools/list": ({ id, params }, response) => {
        const page =
          params.cursor === "next" ? { tools: [{ name: "t", inputSchema }] } : { tools: [], nextCursor: "next" };
        json(response, { jsonrpc: "2.0", id, result: page });
      },
      "tools/call": ({ id, headers }, response) => {
        const isSaid = headers["mcp-param-region"] === "eu";
        if (isSaid) json(response, { jsonrpc: "2.0", id, result: { content: [] } });
        else json(response, { jsonrpc: "2.0", id, error: { code: -32020, message: "no header" } }, {}, 400);
      },
    });
    await using world = await httpWorld(script, LATER);
    const { port, answered } = await connect(world);
    for (const id of ["one", "two"]) {
      port.send(request(id, "tools/call", { name: "t", arguments: { at: { region: "eu" } } }));
      expect(await answered(id)).toMatchObject({ result: { content: [] } });
    }
    // Both pages, once.
    expect(world.server.methods.filter((method) => method === "tools/list")).toHaveLength(2);
    port.send(request("three", "tools/call", { name: "t", arguments: { at: { region: "us" } } }));
    expect(await answered("three")).toMatchObject({ error: { code: -32020 } });
    port.close();
  });

  it("ends a request that it cancels, and all when it goes", async () => {
    let closed = 0;
    const script = stateless({
      "tools/call": (_, response) => {
        response.on("close", () => {
          closed += 1;
        });
        response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      },
    });
    await using world = await httpWorld(script, LATER);
    const { client, port } = await connect(world);
    for (const id of ["a", "b", "c"]) port.send(request(id, "tools/call", { name: "t" }));
    const came = () => world.server.methods.filter((method) => method === "tools/call").length;
    await eventually("all came", () => came() === 3, { everyMs: 2 });
    port.send(notification("notifications/cancelled", { requestId: "b" }));
    await eventually("one is ended", () => closed === 1, { everyMs: 2 });
    port.close();
    await eventually("all are ended", () => closed === 3, { everyMs: 2 });
    expect(client.received.filter((message) => !("method" in message))).toHaveLength(1);
    expect(world.server.methods).not.toContain("notifications/cancelled");
  });

  it("has its subscriptions opened again when their stream has broken", async () => {
    let opened = 0;
    const script = stateless({
      "subscriptions/listen": (received, response) => {
        opened += 1;
        listening(received, response);
        const changed = {
          method: "notifications/tools/list_changed",
          params: { _meta: { [SUBSCRIPTION_ID]: received.id } },
        };
        if (opened === 1) setTimeout(() => response.destroy(), 5);
        else response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", ...changed })}\n\n`);
      },
    });
    await using world = await httpWorld(script, LATER);
    const { client, port } = await connect(world);
    port.send(notification("notifications/initialized"));
    const heard = () =>
      client.received.some((message) => "method" in message && message.method.endsWith("list_changed"));
    await eventually("it hears of a change", heard, { timeoutMs: 10_000 });
    expect(opened).toBe(2);
    port.close();
  });

  it("has errors for what is under way when the server is replaced", async () => {
    const script = stateless({ "tools/call": () => undefined });
    await using world = await httpWorld(script, LATER);
    const { client, port } = await connect(world);
    port.send(request("t", "tools/call", { name: "t" }));
    await eventually("it came", () => world.server.methods.includes("tools/call"), { everyMs: 2 });
    world.servers.close("it was replaced");
    expect(client.answerTo("t")).toMatchObject({ error: { message: "it was replaced" } });
    expect(client.closedFor).toBe("it was replaced");
    await expect(world.servers.connect(INITIALIZE, client, { owner: "me" })).rejects.toMatchObject({
      reason: "UpstreamReplaced",
    });
  });
});
