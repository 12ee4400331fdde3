import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../../../test/support/eventually.ts";
import { httpWorld } from "../../../../test/support/mcp/http-world.ts";
import { earlierEra, events, json, type Script } from "../../../../test/support/scripted-mcp-server.ts";

const EARLIER = { protocolVersion: "2025-11-25" };
const UPSTREAM_FAILED = { error: { code: -32000, data: { reason: "UpstreamFailed" } } };

function resultOf(id: unknown, result: unknown = { content: [] }) {
  return { jsonrpc: "2.0", id, result };
}

/** A server of an earlier revision that answers calls as `call` says. */
function answering(call: Script, others: Record<string, Script> = {}) {
  return earlierEra({ on: { "tools/call": call, ...others } });
}

describe("a session with a server of an earlier revision", () => {
  it("begins with the first request of its owner, is shared by all of them, and ends with DELETE", async () => {
    const script = answering(({ id }, response) => json(response, resultOf(id)));
    {
      await using world = await httpWorld(script, EARLIER);
      await Promise.all(
        ["ann", "ann", "bob"].map(async (owner) => (await world.ask("tools/call", {}, owner)).answer()),
      );
      const began = world.server.received.filter(({ method }) => method === "initialize");
      expect([began.length, script.live.size, world.servers.sessions]).toEqual([2, 2, 2]);
      const calls = world.server.received.filter(({ method }) => method === "tools/call");
      expect(calls.map(({ headers }) => headers["mcp-protocol-version"])).toEqual(Array(3).fill("2025-06-18"));
      world.servers.close("it is replaced");
      await eventually("the sessions are deleted", () => script.live.size === 0, { everyMs: 2 });
    }
  });

  it("is begun anew when the server has forgotten it, after one request that says so", async () => {
    const script = earlierEra();
    await using world = await httpWorld(script, EARLIER);
    await (await world.ask("tools/list")).answer();
    script.live.clear();
    expect(await (await world.ask("tools/list")).answer()).toMatchObject(UPSTREAM_FAILED);
    expect(await (await world.ask("tools/list")).answer()).toMatchObject({ result: {} });
  });

  it.each<{ because: string; call: Script; want: object }>([
    {
      because: "the connection breaks",
      call: (_, response) => void response.destroy(),
      want: UPSTREAM_FAILED,
    },
    {
      because: "the stream ends before",
      call: (_, response) => {
        events(response, { jsonrpc: "2.0", method: "notifications/message", params: {} });
        response.end();
      },
      want: UPSTREAM_FAILED,
    },
    {
      because: "there is an error without an id",
      call: (_, response) =>
        json(response, { jsonrpc: "2.0", id: null, error: { code: -32600, message: "no" } }, {}, 400),
      want: { error: { code: -32600, message: "no" } },
    },
    {
      because: "it is a status alone",
      call: (_, response) => void response.writeHead(503).end("<html>"),
      want: { error: { message: "the server answered with HTTP status 503", data: { reason: "UpstreamRefused" } } },
    },
    {
      because: "it is no JSON",
      call: (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end("{"),
      want: UPSTREAM_FAILED,
    },
    {
      because: "it is longer than any message may be",
      call: (_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end(`data: ${"x".repeat(17 * 1024 * 1024)}\n\n`);
      },
      want: { error: { data: { reason: "UpstreamInvalid" } } },
    },
  ])("has an error for a call whose answer is none: $because", async ({ call, want }) => {
    await using world = await httpWorld(answering(call), EARLIER);
    expect(await (await world.ask("tools/call")).answer()).toMatchObject(want);
  });

  it("takes a stream up again that the server has closed before the answer", async () => {
    let callId: unknown;
    const script = answering(
      ({ id }, response) => {
        callId = id;
        response.writeHead(200, { "content-type": "text/event-stream" }).end("id: e-1\nretry: 5\ndata:\n\n");
      },
      {
        GET: ({ headers }, response) => {
          if (headers["last-event-id"] === "e-1") events(response, resultOf(callId, { content: ["late"] }));
          else response.writeHead(405);
          response.end();
        },
      },
    );
    await using world = await httpWorld(script, EARLIER);
    expect(await (await world.ask("tools/call")).answer()).toMatchObject({ result: { content: ["late"] } });
  });

  it("tells the server when a call is cancelled, and waits for nothing any more", async () => {
    let closed = 0;
    const script = answering((_, response) => {
      response.on("close", () => {
        closed += 1;
      });
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    });
    await using world = await httpWorld(script, EARLIER);
    const asked = await world.ask("tools/call");
    await eventually("it came", () => world.server.methods.includes("tools/call"), { everyMs: 2 });
    asked.close();
    await eventually("it is told", () => world.server.methods.includes("notifications/cancelled"), { everyMs: 2 });
    await eventually("nobody reads", () => closed === 1, { everyMs: 2 });
  });

  it("keeps what comes after the handshake behind it", async () => {
    const order: (string | undefined)[] = [];
    const script = answering(({ id }, response) => json(response, resultOf(id)), {
      "notifications/initialized": ({ method }, response) => {
        setTimeout(() => {
          order.push(method);
          response.writeHead(202).end();
        }, 20);
      },
    });
    const call = script;
    await using world = await httpWorld((received, response) => {
      if (received.method === "tools/call") order.push(received.method);
      call(received, response);
    }, EARLIER);
    await (await world.ask("tools/call")).answer();
    expect(order).toEqual(["notifications/initialized", "tools/call"]);
  });

  it("sends the endpoint's headers and those alone which are the gateway's", async () => {
    const script = answering(({ id }, response) => json(response, resultOf(id)));
    await using world = await httpWorld(script, { ...EARLIER, headers: { "X-Api-Key": "k" } });
    await (await world.ask("tools/call")).answer();
    const [first] = world.server.received;
    expect(first?.headers).toMatchObject({ "x-api-key": "k", via: "1.1 test" });
    expect(first?.headers).not.toHaveProperty("authorization");
  });
});
