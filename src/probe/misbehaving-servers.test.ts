import { beforeAll, describe, expect, it } from "@jest/globals";
import { firstFailure, flood, noneLeft, SECRET } from "../../test/support/first-failure.ts";
import { earlierEra, events, json, type Script, ScriptedMcpServer } from "../../test/support/scripted-mcp-server.ts";
import { loadSdk } from "./mcp-client.ts";
import type { ProbeFailureReason } from "./prober.ts";

beforeAll(async () => {
  await loadSdk();
});

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
