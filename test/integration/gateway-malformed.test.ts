import { connect } from "node:net";
import { expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { connectClient } from "../support/mcp/clients.ts";
import { startEverything } from "../support/mcp/everything.ts";
import { type Malformed, malformed } from "../support/mcp/malformed.ts";
import { startStdioPlace, stdioEndpoint } from "../support/mcp/stdio-processes.ts";
import { endpointAt, startGatewayUnderTest } from "../support/mcp-gateway.ts";
import { randomFrom } from "../support/random.ts";

/** The long form is for `make soak`. */
const COUNT = process.env.SLIPWAY_SOAK ? 10_000 : 1_000;
const AT_ONCE = 20;
const SEED = 20_260_728;
const SERVERS = ["/team-a/files/mcp", "/team-a/sse/mcp?sessionId=x", "/team-a/stdio/mcp"] as const;
/** Whoever sends half a request goes after this. */
const PATIENCE_MS = 100;

it(`goes on after ${COUNT} malformed requests, and other sessions hear nothing of them`, async () => {
  await using streamable = await startEverything("streamableHttp");
  await using sse = await startEverything("sse");
  await using place = await startStdioPlace();
  await using gateway = await startGatewayUnderTest(
    [
      endpointAt(streamable.url),
      endpointAt(sse.url, { name: "sse", transport: "sse" }),
      stdioEndpoint("modern", { name: "stdio" }),
    ],
    { streamsSocket: place.socketPath },
  );
  const names = ["files", "sse", "stdio"] as const;
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all(
    names.map(async (name) =>
      stack.use(await connectClient(name === "sse" ? "v2 sse" : "v2 legacy", `${gateway.url}/team-a/${name}/mcp`)),
    ),
  );
  const port = Number(new URL(gateway.url).port);
  const random = randomFrom(SEED);
  for (let sent = 0; sent < COUNT; sent += AT_ONCE) {
    const requests = Array.from({ length: AT_ONCE }, () => malformed(random, SERVERS));
    const [answers] = await Promise.all([
      Promise.all(requests.map((request) => send(port, request))),
      ...clients.map(async (client, index) => {
        const message = `${index} after ${sent}`;
        const { content } = await client.call("tools/call", { name: "echo", arguments: { message } });
        expect(content).toEqual([{ type: "text", text: `Echo: ${message}` }]);
      }),
    ]);
    // Nothing of what went wrong inside, and no answer that is none.
    for (const [index, answer] of answers.entries()) {
      expect({ because: requests[index]?.because, answer }).toEqual({
        because: requests[index]?.because,
        answer: expect.stringMatching(/^(HTTP\/1\.1 [1-5]\d\d |$)/),
      });
      expect(answer).not.toContain('"reason":"Internal"');
    }
  }
  for (const { recorded } of clients) {
    const withId = recorded.filter(({ message }) => message.id !== undefined);
    const sent = withId.filter(({ way }) => way === "sent").map(({ message }) => message.id);
    // What came was asked for, each once; beside it only what the server says of itself when a session begins.
    expect(withId.filter(({ way }) => way === "received").map(({ message }) => message.id)).toEqual(sent);
    const others = recorded.filter(({ way, message }) => way === "received" && message.id === undefined);
    expect(others.filter(({ message }) => message.method !== "notifications/tools/list_changed")).toEqual([]);
  }
  await stack.disposeAsync();
  await eventually("nothing is open", () => gateway.dataPath.stats().open === 0, { everyMs: 20 });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
}, 300_000);

/** What came back until the connection ended, or until nothing more was worth waiting for. */
function send(port: number, { bytes, pieces }: Malformed): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const patience = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(patience);
      resolve(Buffer.concat(chunks).toString("latin1"));
    });
    const length = Math.ceil(bytes.length / pieces);
    for (let from = 0; from < bytes.length; from += length) {
      const piece = bytes.subarray(from, from + length);
      setTimeout(() => void (socket.writable && socket.write(piece)), from === 0 ? 0 : 5);
    }
  });
}
