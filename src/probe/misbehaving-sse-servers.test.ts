import type { ServerResponse } from "node:http";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { firstFailure, flood, noneLeft, SECRET } from "../../test/support/first-failure.ts";
import { ScriptedMcpServer } from "../../test/support/scripted-mcp-server.ts";
import { loadSdk } from "./mcp-client.ts";
import type { ProbeFailureReason } from "./prober.ts";

beforeAll(async () => {
  await loadSdk();
});

/** A server of the HTTP+SSE transport: `onStream` answers GET, `onPost` the messages. */
async function sseServer(
  onStream: (response: ServerResponse) => void,
  onPost: (response: ServerResponse, stream: ServerResponse | undefined, message: { id?: unknown }) => void = () =>
    undefined,
): Promise<ScriptedMcpServer> {
  let stream: ServerResponse | undefined;
  return ScriptedMcpServer.start(({ http, id }, response) => {
    if (http !== "GET") return onPost(response, stream, { id });
    stream = response;
    onStream(response);
  }, "/sse");
}

const open = (response: ServerResponse, text = "event: endpoint\ndata: /message\n\n") =>
  void response.writeHead(200, { "content-type": "text/event-stream" }).write(text);

describe("over HTTP+SSE, the reason is right and nothing of the answer is told when", () => {
  it.each<{
    because: string;
    onStream: Parameters<typeof sseServer>[0];
    onPost?: Parameters<typeof sseServer>[1];
    reason: ProbeFailureReason;
    message: RegExp;
  }>([
    {
      because: "nothing is there",
      onStream: (response) => response.writeHead(404).end(SECRET),
      reason: "ProbeInvalidAnswer",
      message: /HTTP 404: .*transport.path/,
    },
    {
      because: "it sends elsewhere",
      onStream: (response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
      reason: "ProbeInvalidAnswer",
      message: /redirects are not followed/,
    },
    {
      because: "it is a web page",
      onStream: (response) => response.writeHead(200, { "content-type": "text/html" }).end(SECRET),
      reason: "ProbeInvalidAnswer",
      message: /another content type/,
    },
    {
      because: "its stream ends at once",
      onStream: (response) => response.writeHead(200, { "content-type": "text/event-stream" }).end(),
      reason: "ProbeInvalidAnswer",
      message: /ended its stream|not what MCP prescribes/,
    },
    {
      because: "its messages are to go to another origin",
      onStream: (response) => open(response, `event: endpoint\ndata: http://169.254.169.254/${SECRET}\n\n`),
      reason: "ProbeInvalidAnswer",
      message: /not what MCP prescribes/,
    },
    {
      because: "it fails on messages",
      onStream: open,
      onPost: (response) => response.writeHead(500).end(SECRET),
      reason: "ProbeInvalidAnswer",
      message: /initialize with HTTP 500/,
    },
    {
      because: "its stream holds no JSON",
      onStream: open,
      onPost: (response, stream) => {
        response.writeHead(202).end();
        stream?.write(`event: message\ndata: ${SECRET}\n\n`);
      },
      reason: "ProbeInvalidAnswer",
      message: /not what MCP prescribes/,
    },
    {
      because: "it refuses the greeting",
      onStream: open,
      onPost: (response, stream, { id }) => {
        response.writeHead(202).end();
        const error = { jsonrpc: "2.0", id, error: { code: -32603, message: SECRET } };
        stream?.write(`event: message\ndata: ${JSON.stringify(error)}\n\n`);
      },
      reason: "ProbeInvalidAnswer",
      message: /initialize with the JSON-RPC error -32603/,
    },
    {
      because: "its stream has no end and no sense",
      onStream: (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        flood(response, `: ${SECRET.repeat(10_000)}\n\n`);
      },
      reason: "ProbeInvalidAnswer",
      message: /more bytes/,
    },
    {
      because: "it hangs up when asked",
      onStream: open,
      onPost: (response, stream) => {
        response.writeHead(202).end();
        stream?.destroy();
      },
      reason: "ProbeRefused",
      message: /closed/,
    },
    {
      because: "it names no place for messages",
      onStream: (r) => open(r, ": hi\n\n"),
      reason: "ProbeTimeout",
      message: /0.4 s/,
    },
    {
      because: "it never answers a message",
      onStream: open,
      onPost: (response) => response.writeHead(202).end(),
      reason: "ProbeTimeout",
      message: /0.4 s/,
    },
    { because: "it never takes a message", onStream: open, reason: "ProbeTimeout", message: /0.4 s/ },
  ])("$because", async ({ onStream, onPost, reason, message }) => {
    await using server = await sseServer(onStream, onPost);
    const timeoutMs = reason === "ProbeTimeout" ? 400 : 20_000;
    const failure = await firstFailure({ kind: "mcp", transport: "sse", url: server.url }, timeoutMs);
    expect(failure).toEqual({ reason, message: expect.stringMatching(message) });
    expect(failure.message).not.toContain(SECRET);
    await noneLeft(server);
  });
});
