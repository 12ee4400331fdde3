import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import {
  ask,
  bodyOf,
  endpointAt,
  reasonIn,
  startGatewayUnderTest,
  startServer,
} from "../../../test/support/mcp-gateway.ts";
import { EndpointEvent } from "./endpoint-event.ts";

describe("the event that names the endpoint", () => {
  const stream = (text: string) => `${text}: later\n\nevent: message\ndata: {"é":1}\n\n`;
  it.each([
    {
      because: "it comes first",
      sent: "event: endpoint\ndata: /m?s=1\n\n",
      want: "event: endpoint\ndata: [/m?s=1]\n\n",
    },
    {
      because: "other line ends",
      sent: "event:endpoint\r\ndata:/m?s=1\r\n\r\n",
      want: "event: endpoint\ndata: [/m?s=1]\n\n",
    },
    { because: "yet others", sent: "event: endpoint\rdata: /m\r\r", want: "event: endpoint\ndata: [/m]\n\n" },
    {
      because: "after a comment",
      sent: ": hi\n\nevent: endpoint\ndata: /m\n\n",
      want: ": hi\n\nevent: endpoint\ndata: [/m]\n\n",
    },
    { because: "with an id", sent: "id: 1\ndata: /m\nevent: endpoint\n\n", want: "event: endpoint\ndata: [/m]\n\n" },
  ])("is written anew, wherever its bytes are torn: $because", ({ sent, want }) => {
    const whole = Buffer.from(stream(sent));
    for (const size of [1, 2, 3, 7, whole.length]) {
      const rewrite = new EndpointEvent((endpoint) => `[${endpoint}]`);
      const chunks: Uint8Array[] = [];
      for (let from = 0; from < whole.length; from += size)
        chunks.push(rewrite.chunk(whole.subarray(from, from + size)));
      // A line end that was torn leaves its second half: an empty line more, which says nothing.
      expect(Buffer.concat(chunks).toString().replace("\n\n\n", "\n\n")).toBe(stream(want));
    }
  });

  it("must come within bounds", () => {
    const rewrite = new EndpointEvent((endpoint) => endpoint);
    expect(() => rewrite.chunk(Buffer.alloc(20_000, 97))).toThrow("does not say where messages go");
  });
});

/** A server of revision 2024-11-05 with one stream. */
async function legacyWorld(endpoint = "/messages?session=of-the-server") {
  const posted: { url: string; body: string }[] = [];
  let stream: ServerResponse | undefined;
  const server = await startServer(async (incoming, response) => {
    if (incoming.method === "GET") {
      stream = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`event: endpoint\ndata: ${endpoint}\n\n`);
      return;
    }
    posted.push({ url: incoming.url ?? "", body: await bodyOf(incoming) });
    response.writeHead(202).end("Accepted");
  });
  const upstream = { transport: "sse", url: `${server.origin}/sse` } as const;
  const gateway = await startGatewayUnderTest([endpointAt(upstream.url, upstream)]);
  return {
    posted,
    gateway,
    url: `${gateway.url}/team-a/files/mcp`,
    send: (text: string) => stream?.write(text),
    die: () => stream?.socket?.destroy(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

/** The client's stream: its endpoint, and all that came so far. */
async function openStream(url: string) {
  const outgoing = request(url, { agent: false, headers: { "accept-encoding": "gzip" } }).end();
  outgoing.on("error", () => undefined);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  response.on("data", (chunk: Buffer) => (text += chunk.toString()));
  response.on("error", () => undefined);
  const endpoint = await eventually("an endpoint", () => /^data: (.*)$/m.exec(text)?.[1], { everyMs: 2 });
  return { outgoing, response, endpoint, text: () => text };
}

describe("a legacy SSE server", () => {
  it("is posted to where its stream said, through a name of the gateway's", async () => {
    await using world = await legacyWorld();
    const { endpoint, response, text } = await openStream(world.url);
    expect(endpoint).toMatch(/^\/team-a\/files\/mcp\?sessionId=[\w-]{24}$/);
    const { status, body } = await ask(new URL(endpoint, world.url).href, { body: '{"id":1}' });
    expect({ status, body }).toEqual({ status: 202, body: "Accepted" });
    expect(world.posted).toEqual([{ url: "/messages?session=of-the-server", body: '{"id":1}' }]);
    world.send("data: bytes \u00e9\n\n");
    await eventually("the event", () => text().endsWith("data: bytes é\n\n"), { everyMs: 2 });
    response.destroy();
  });

  it("takes nothing for a stream that is closed, and nothing without one", async () => {
    await using world = await legacyWorld();
    const { endpoint, response } = await openStream(world.url);
    response.destroy();
    await eventually("it is closed", () => world.gateway.dataPath.stats().open === 0, { everyMs: 2 });
    const late = await ask(new URL(endpoint, world.url).href, { body: "{}" });
    expect([late.status, reasonIn(late)]).toEqual([404, "SessionNotFound"]);
    const headers = { "content-type": "application/json" };
    expect((await ask(world.url, { body: "{}", headers })).status).toBe(400);
    expect((await ask(world.url, { method: "DELETE" })).status).toBe(400);
    expect(world.posted).toEqual([]);
  });

  it.each(["https://elsewhere.example.com/m", "//elsewhere/m", "http://127.0.0.1:1/m"])(
    "is not followed to %s",
    async (endpoint) => {
      await using world = await legacyWorld(endpoint);
      const answered = await ask(world.url);
      expect([answered.status, reasonIn(answered)]).toEqual([502, "UpstreamInvalid"]);
      expect(answered.body).toContain("an endpoint that is not its own");
    },
  );

  it("that dies leaves no call without an answer", async () => {
    await using world = await legacyWorld();
    const { endpoint, text, response } = await openStream(world.url);
    const post = (body: unknown) => ask(new URL(endpoint, world.url).href, { body: JSON.stringify(body) });
    await post({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    await post({ jsonrpc: "2.0", id: "two", method: "tools/call" });
    await post({ jsonrpc: "2.0", method: "notifications/initialized" });
    world.send('event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
    await eventually("the answer", () => text().includes('"result"'), { everyMs: 2 });
    world.die();
    await once(response, "end");
    const last = text().split("data: ").slice(-1)[0] ?? "";
    expect(JSON.parse(last)).toMatchObject({ id: "two", error: { code: -32000 } });
    expect(text().match(/"error"/g)).toHaveLength(1);
  });
});
