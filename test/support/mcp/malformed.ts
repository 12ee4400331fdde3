/** Requests to a gateway that are wrong somewhere: in their framing, target, headers, sizes or their JSON-RPC. */
export interface Malformed {
  readonly because: string;
  readonly bytes: Buffer;
  /** How the bytes arrive: at once, or torn. */
  readonly pieces: number;
}

type Random = () => number;

const pick = <T>(random: Random, values: readonly [T, ...T[]]): T =>
  values[Math.floor(random() * values.length)] ?? values[0];

const TARGETS = [
  ...[
    "/team-a/files/mcp",
    "/files/mcp",
    "/team-a/sse/mcp",
    "/team-a/sse/mcp?sessionId=x",
    "/",
    "/-/x",
    "*",
    "//",
    "/../etc",
  ],
  ...[
    "/team-a/files/mcp?%",
    "/%00/mcp",
    "/team-a/files/mcp#x",
    "http://x/mcp",
    `/${"n".repeat(5_000)}/mcp`,
    "/\u00ff/mcp",
  ],
] as [string, ...string[]];

const BODIES = [
  ...[
    "",
    "{",
    "null",
    "[]",
    "[[]]",
    "0",
    '"',
    "{}",
    '{"jsonrpc":"2.0"}',
    '{"jsonrpc":"2.0","id":null,"method":"ping"}',
  ],
  ...[
    '{"jsonrpc":"2.0","id":{},"method":1}',
    '{"id":1e999,"method":"x"}',
    '{"__proto__":{"id":1},"method":"m","id":"p"}',
  ],
  ...[
    '{"jsonrpc":"2.0","id":"s-1","result":{}}',
    '{"jsonrpc":"2.0","id":0,"error":{}}',
    "\u0000\u0001",
    "[".repeat(2_000),
  ],
  ...[
    `[${Array(500).fill('{"jsonrpc":"2.0","id":1,"method":"x"}').join()}]`,
    JSON.stringify({ method: "m", id: "i".repeat(9_000) }),
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":["x"],"capabilities":7}}',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
  ],
] as [string, ...string[]];

const HEADERS = [
  ...[
    "content-length: 5\r\ncontent-length: 6",
    "transfer-encoding: chunked\r\ncontent-length: 3",
    "transfer-encoding: gzip",
  ],
  ...["content-length: -1", "content-length: 99999999999999999999", "content-length: 1e3", "content-length: 0x10"],
  ...[
    "host: other",
    "host:",
    "origin: https://evil.example.com",
    "expect: 200-ok",
    "expect: 100-continue",
    "connection: upgrade",
  ],
  ...[
    "upgrade: h2c\r\nconnection: upgrade",
    "mcp-session-id: \u0000",
    `mcp-session-id: ${"s".repeat(20_000)}`,
    "mcp-session-id: s-1",
  ],
  ...[
    "last-event-id: \u00e9",
    "mcp-protocol-version: 9999",
    "authorization: Bearer",
    "cookie: a=b",
    "no-colon",
    ": empty",
    "x y: 1",
  ],
  ...[
    "mcp-protocol-version: 2026-07-28",
    "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call",
    "mcp-protocol-version: 2026-07-28\r\nmcp-method: ping\r\nmcp-method: ping",
    "connection: content-length, host",
    "te: trailers, deflate",
    "accept: text/html",
    "content-type: text/plain",
    "x-a:\t\u000b1",
  ],
] as [string, ...string[]];

const METHODS = [...["POST", "GET", "DELETE", "PUT", "OPTIONS", "HEAD", "CONNECT", "PRI", "get", "P\u0000ST", ""]] as [
  string,
  ...string[],
];
const CHUNKS = [
  ...[
    "5\r\nhello\r\n0\r\n\r\n",
    "FFFFFFFFFFFFFFFF\r\n",
    "-1\r\n",
    "5\r\nhel",
    "0\r\nx: 1\r\n\r\n",
    "zz\r\n",
    "5;ext=1\r\nhello\r\n0\r\n\r\n",
  ],
] as [string, ...string[]];

/** Where servers are that have nothing to fear from it. */
const SERVERS = ["/team-a/files/mcp", "/team-a/sse/mcp?sessionId=x"] as const;

/** One request of any kind of wrong. Most end the connection by themselves; the rest are ended by who sends them. */
export function malformed(random: Random, servers: readonly [string, ...string[]] = SERVERS): Malformed {
  const kind = pick(random, ["header", "body", "chunks", "target", "garbage", "cut", "pipelined", "method"]);
  const method = kind === "method" ? pick(random, METHODS) : pick(random, ["POST", "POST", "POST", "GET", "DELETE"]);
  const target = kind === "target" ? pick(random, TARGETS) : pick(random, servers);
  const body = kind === "body" || random() < 0.3 ? pick(random, BODIES) : '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const lines = [
    `${method} ${target} HTTP/1.${random() < 0.1 ? 0 : 1}`,
    "host: localhost",
    "content-type: application/json",
  ];
  if (kind === "header") lines.push(pick(random, HEADERS));
  if (kind === "chunks") lines.push("transfer-encoding: chunked");
  else if (random() < 0.9) lines.push(`content-length: ${Buffer.byteLength(body)}`);
  const head = `${lines.join(random() < 0.05 ? "\n" : "\r\n")}\r\n\r\n`;
  const whole = Buffer.from(`${head}${kind === "chunks" ? pick(random, CHUNKS) : body}`, "latin1");
  return { because: kind, bytes: torn(kind, whole, random), pieces: random() < 0.2 ? 3 : 1 };
}

function torn(kind: string, whole: Buffer, random: Random): Buffer {
  switch (kind) {
    case "garbage":
      return Buffer.from(Array.from({ length: 1 + Math.floor(random() * 400) }, () => Math.floor(random() * 256)));
    case "cut":
      return whole.subarray(0, Math.floor(random() * whole.length));
    case "pipelined":
      return Buffer.concat([whole, whole, Buffer.from("GET /admin HTTP/1.1\r\nhost: x\r\n\r\n")]);
    default:
      return whole;
  }
}
