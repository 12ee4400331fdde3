import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { earlierEra, events, json, type Script, ScriptedMcpServer } from "../../test/support/scripted-mcp-server.ts";
import { systemClock } from "../machinery/clock.ts";
import { createProber } from "./create-prober.ts";
import { loadSdk } from "./mcp-client.ts";
import type { ProbeFailure, ProbeFailureReason, ProbeTarget } from "./prober.ts";

/** In every answer of these servers; in no message. */
const SECRET = "s3cret";

beforeAll(async () => {
  await loadSdk();
});

/** The first failure of a target, and what the prober left behind: nothing. */
async function firstFailure(probe: ProbeTarget["probe"], timeoutMs: number): Promise<ProbeFailure> {
  const { logger, lines } = recordingLogger();
  const prober = createProber({ clock: systemClock, logger });
  try {
    const changed = new Promise<void>((resolve) => prober.onChange(() => resolve()));
    prober.watch("a", { instance: "1", probe, timeoutMs, periodMs: 60_000, failureThreshold: 3 });
    await changed;
    const verdict = prober.verdict("a");
    expect(verdict).toMatchObject({ kind: "pending", failure: {} });
    expect(lines).toEqual([]);
    return (verdict as { failure: ProbeFailure }).failure;
  } finally {
    await prober[Symbol.asyncDispose]();
  }
}

async function noneLeft(server: { connections(): Promise<number> }): Promise<void> {
  while ((await server.connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

interface Row {
  because: string;
  script: Script;
  reason: ProbeFailureReason;
  message: RegExp;
}

const status =
  (code: number, headers: Record<string, string> = {}): Script =>
  (_, response) =>
    void response.writeHead(code, headers).end(SECRET);

const body =
  (text: string, headers: Record<string, string> = {}): Script =>
  (_, response) =>
    void response.writeHead(200, { "content-type": "application/json", ...headers }).end(text);

/** Greets well and then does something else for tools/list. */
const listed = (script: Script): Script => earlierEra({ on: { "tools/list": script } });

const result =
  (value: unknown): Script =>
  ({ id }, response) =>
    json(response, { jsonrpc: "2.0", id, result: value });

/** Sends as fast as it is read, without end. */
function flood(response: ServerResponse, chunk: string): void {
  const write = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", write);
  write();
}

const rows: Row[] = [
  { because: "it wants credentials", script: status(401), reason: "ProbeInvalidAnswer", message: /HTTP 401: .*tcp/ },
  {
    because: "it wants more than credentials",
    script: status(403, { "www-authenticate": `Bearer error="insufficient_scope", scope="${SECRET}"` }),
    reason: "ProbeInvalidAnswer",
    message: /HTTP 403: .*Host/,
  },
  {
    because: "nothing is there",
    script: status(404),
    reason: "ProbeInvalidAnswer",
    message: /HTTP 404: .*transport.path/,
  },
  { because: "it takes no POST", script: status(405), reason: "ProbeInvalidAnswer", message: /HTTP 405: .*sse/ },
  { because: "it is overloaded", script: status(503), reason: "ProbeInvalidAnswer", message: /HTTP 503: .*logs/ },
  {
    because: "it sends elsewhere",
    script: status(307, { location: "http://169.254.169.254/latest" }),
    reason: "ProbeInvalidAnswer",
    message: /HTTP 307; redirects are not followed/,
  },
  {
    because: "it sends to another path of its own",
    script: status(308, { location: `/${SECRET}` }),
    reason: "ProbeInvalidAnswer",
    message: /HTTP 308; redirects are not followed/,
  },
  {
    because: "it is a web page",
    script: body("<html>s3cret", { "content-type": "text/html; s3cret" }),
    reason: "ProbeInvalidAnswer",
    message: /neither application\/json nor text\/event-stream/,
  },
  {
    because: "it names no content type",
    script: (_, response) => void response.writeHead(200).end(SECRET),
    reason: "ProbeInvalidAnswer",
    message: /neither/,
  },
  { because: "it is no JSON", script: body(`{${SECRET}`), reason: "ProbeInvalidAnswer", message: /not JSON/ },
  { because: "it is empty", script: body(""), reason: "ProbeInvalidAnswer", message: /not JSON/ },
  { because: "it is other JSON", script: body(`["${SECRET}"]`), reason: "ProbeInvalidAnswer", message: /no JSON-RPC/ },
  {
    because: "it answers another question",
    script: body(`{"jsonrpc":"2.0","id":"x","result":{"a":"${SECRET}"}}`),
    reason: "ProbeInvalidAnswer",
    message: /no JSON-RPC answer/,
  },
  {
    because: "its JSON is nested deeper than a stack",
    script: body(`${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`),
    reason: "ProbeInvalidAnswer",
    message: /no JSON-RPC|not JSON/,
  },
  {
    because: "it packs its answer, though nobody asked",
    script: body(SECRET, { "content-encoding": "gzip" }),
    reason: "ProbeInvalidAnswer",
    message: /not JSON/,
  },
  {
    because: "it refuses every method",
    script: ({ id }, response) =>
      json(response, { jsonrpc: "2.0", id, error: { code: -32603, message: SECRET, data: SECRET } }),
    reason: "ProbeInvalidAnswer",
    message: /initialize with the JSON-RPC error -32603/,
  },
  {
    because: "its greeting is not one",
    script: result({ protocolVersion: 5, note: SECRET }),
    reason: "ProbeInvalidAnswer",
    message: /initialize is not what MCP prescribes/,
  },
  {
    because: "it speaks a version that nobody knows",
    script: result({ protocolVersion: SECRET, capabilities: {}, serverInfo: { name: SECRET, version: "1" } }),
    reason: "ProbeInvalidAnswer",
    message: /not what MCP prescribes/,
  },
  {
    because: "its session has no name that a header can carry",
    script: earlierEra({
      on: {
        initialize: ({ id }, response) => {
          const greeting = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: { name: "a", version: "1" } };
          json(response, { jsonrpc: "2.0", id, result: greeting }, { "mcp-session-id": SECRET.repeat(500) });
        },
      },
    }),
    reason: "ProbeInvalidAnswer",
    message: /session/,
  },
  {
    because: "its list of tools is none",
    script: listed(result({ tools: SECRET })),
    reason: "ProbeInvalidAnswer",
    message: /tools\/list is not what MCP prescribes/,
  },
  {
    because: "a tool has no name",
    script: listed(result({ tools: [{ title: SECRET }] })),
    reason: "ProbeInvalidAnswer",
    message: /tools\/list is not what MCP prescribes/,
  },
  {
    because: "it cannot list its tools",
    script: listed(({ id }, response) =>
      json(response, { jsonrpc: "2.0", id, error: { code: -32000, message: SECRET } }),
    ),
    reason: "ProbeInvalidAnswer",
    message: /tools\/list with the JSON-RPC error -32000/,
  },
  {
    because: "its JSON never ends",
    script: (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      flood(response, `"${SECRET.repeat(10_000)}",`);
    },
    reason: "ProbeInvalidAnswer",
    message: /more bytes/,
  },
  {
    because: "its error page never ends",
    script: (_, response) => {
      response.writeHead(400, { "content-type": "application/json" });
      flood(response, SECRET.repeat(10_000));
    },
    reason: "ProbeInvalidAnswer",
    message: /more bytes/,
  },
  {
    because: "its stream has comments without end",
    script: (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      flood(response, `: ${SECRET.repeat(10_000)}\n\n`);
    },
    reason: "ProbeInvalidAnswer",
    message: /more bytes/,
  },
  {
    because: "its stream is one line without end",
    script: (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      flood(response, SECRET.repeat(10_000));
    },
    reason: "ProbeInvalidAnswer",
    message: /more bytes/,
  },
  {
    because: "its stream ends without an answer",
    script: (_, response) => {
      events(response, { jsonrpc: "2.0", method: "notifications/message", params: { data: SECRET } });
      response.end();
    },
    reason: "ProbeInvalidAnswer",
    message: /ended its stream/,
  },
  {
    because: "its stream holds no JSON",
    script: (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${SECRET}\n\n`);
    },
    reason: "ProbeInvalidAnswer",
    message: /not JSON/,
  },
  {
    because: "its headers are too long",
    script: (_, response) => void response.writeHead(200, { "x-long": SECRET.repeat(10_000) }).end(),
    reason: "ProbeInvalidAnswer",
    message: /not HTTP \(HPE_HEADER_OVERFLOW\)/,
  },
  {
    because: "it hangs up in the middle",
    script: (_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write(SECRET, () => response.destroy());
    },
    reason: "ProbeRefused",
    message: /closed/,
  },
  { because: "it never answers", script: () => undefined, reason: "ProbeTimeout", message: /within 0.4 s/ },
  {
    because: "its stream never holds an answer",
    script: (_, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).write(": hello\n\n"),
    reason: "ProbeTimeout",
    message: /within 0.4 s/,
  },
  {
    because: "it sends a byte at a time",
    script: (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(timer));
    },
    reason: "ProbeTimeout",
    message: /within 0.4 s/,
  },
  {
    because: "it never lists its tools",
    script: listed(() => undefined),
    reason: "ProbeTimeout",
    message: /within 0.4 s/,
  },
];

describe("over streamable HTTP, the reason is right and nothing of the answer is told when", () => {
  it.each(rows)("$because", async ({ script, reason, message }) => {
    await using server = await ScriptedMcpServer.start(script);
    // Only where time is the point may it run out on a slow machine.
    const timeoutMs = reason === "ProbeTimeout" ? 400 : 20_000;
    const failure = await firstFailure({ kind: "mcp", transport: "streamable-http", url: server.url }, timeoutMs);
    expect(failure).toEqual({ reason, message: expect.stringMatching(message) });
    expect(failure.message).not.toContain(SECRET);
    await noneLeft(server);
  });
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

/** A TCP server whose `serve` gets each connection. */
async function tcpServer(serve: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const server: TcpServer = createTcpServer((socket) => {
    socket.on("error", () => socket.destroy());
    sockets.add(socket);
    serve(socket);
  });
  const sockets = new Set<Socket>();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function freePort(): Promise<number> {
  await using server = await tcpServer(() => undefined);
  return server.port;
}

describe("below HTTP", () => {
  const mcp = (port: number) =>
    ({ kind: "mcp", transport: "streamable-http", url: `http://127.0.0.1:${port}/mcp` }) as const;
  const tcp = (port: number) => ({ kind: "tcp", host: "127.0.0.1", port }) as const;
  const web = (port: number) => ({ kind: "http", url: `http://127.0.0.1:${port}/` }) as const;

  it.each([
    { because: "nobody listens, for MCP", probe: mcp },
    { because: "nobody listens, for HTTP", probe: web },
    { because: "nobody listens, for TCP", probe: tcp },
  ])("$because", async ({ probe }) => {
    const failure = await firstFailure(probe(await freePort()), 20_000);
    expect(failure).toMatchObject({ reason: "ProbeRefused", message: expect.stringContaining("nothing listens") });
  });

  it.each([
    { because: "a port proxy hangs up, for MCP", probe: mcp },
    { because: "a port proxy hangs up, for HTTP", probe: web },
    { because: "a port proxy hangs up, for TCP", probe: tcp },
  ])("$because", async ({ probe }) => {
    await using server = await tcpServer((socket) => socket.end());
    const failure = await firstFailure(probe(server.port), 20_000);
    expect(failure).toMatchObject({ reason: "ProbeRefused", message: expect.stringContaining("0.0.0.0") });
  });

  it("another protocol answers", async () => {
    await using server = await tcpServer((socket) => socket.write(`SSH-2.0-${SECRET}\r\n`));
    const failure = await firstFailure(mcp(server.port), 20_000);
    expect(failure).toMatchObject({ reason: "ProbeInvalidAnswer", message: expect.stringContaining("not HTTP") });
    expect(failure.message).not.toContain(SECRET);
  });

  it("headers come a byte at a time", async () => {
    await using server = await tcpServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx-long: ");
      const timer = setInterval(() => socket.write("h"), 50);
      socket.on("close", () => clearInterval(timer));
    });
    expect(await firstFailure(mcp(server.port), 400)).toMatchObject({ reason: "ProbeTimeout" });
  });
});

describe("http and tcp probes", () => {
  async function verdictOf(probe: ProbeTarget["probe"]): Promise<string | undefined> {
    const prober = createProber({ clock: systemClock, logger: recordingLogger().logger });
    const changed = new Promise<void>((resolve) => prober.onChange(() => resolve()));
    prober.watch("a", { instance: "1", probe, timeoutMs: 20_000, periodMs: 60_000, failureThreshold: 3 });
    await changed;
    const verdict = prober.verdict("a");
    await prober[Symbol.asyncDispose]();
    return verdict?.kind;
  }

  it.each([
    { because: "200 is fine", code: 200, want: "ready" },
    { because: "204 is fine", code: 204, want: "ready" },
    { because: "a redirect is an answer, and is not followed", code: 302, want: "ready" },
    { because: "404 is not", code: 404, want: "pending" },
    { because: "500 is not", code: 500, want: "pending" },
  ])("$because", async ({ code, want }) => {
    const server: Server = createServer((_, response) => {
      response.writeHead(code, { location: "http://127.0.0.1:1/" });
      // A body is not waited for.
      if (code === 200) response.write("x");
      else response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect(await verdictOf({ kind: "http", url: `http://127.0.0.1:${port}/health` })).toBe(want);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("a connection that is kept is enough for tcp", async () => {
    await using server = await tcpServer(() => undefined);
    expect(await verdictOf({ kind: "tcp", host: "127.0.0.1", port: server.port })).toBe("ready");
  });

  it("a greeting before the end is enough for tcp", async () => {
    await using server = await tcpServer((socket) => socket.end("220 hello\r\n"));
    expect(await verdictOf({ kind: "tcp", host: "127.0.0.1", port: server.port })).toBe("ready");
  });
});
