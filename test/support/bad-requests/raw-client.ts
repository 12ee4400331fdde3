import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { gunzipSync } from "node:zlib";
import type { BadRequest } from "./generate.ts";

export interface RawAnswer {
  /** Undefined where the connection ended without one. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** No answer is awaited longer. */
const TIMEOUT_MS = 20_000;

/** Sends bytes as they are, on a connection of their own: libraries would refuse half of them. */
export class RawClient {
  readonly #url: URL;
  readonly #ca: string;
  readonly #token: string;

  constructor(url: string, ca: string, token: string) {
    this.#url = new URL(url);
    this.#ca = ca;
    this.#token = token;
  }

  async send(request: BadRequest): Promise<RawAnswer> {
    const { hostname: host, port } = this.#url;
    const socket = connect({ host, port: Number(port), ca: this.#ca, ALPNProtocols: ["http/1.1"] });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    try {
      await once(socket, "secureConnect");
      socket.write(headOf(request, this.#token));
      if (request.body) socket.write(request.body);
      // It promised more than it sends.
      if (request.claimedLength !== undefined) socket.end();
      return parse(await readAll(socket));
    } finally {
      socket.destroy();
    }
  }
}

function headOf({ method, target, headers, body, claimedLength }: BadRequest, token: string): string {
  const all = {
    host: "localhost",
    authorization: `Bearer ${token}`,
    connection: "close",
    ...(body && { "content-length": String(claimedLength ?? body.length) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${target || "/"} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

async function readAll(socket: TLSSocket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch (error) {
    // A server that has answered may cut the rest off.
    if (chunks.length === 0 && (error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return { status: undefined, headers: {}, body: "" };
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(first.split(" ")[1]);
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const rest = bytes.subarray(end + 4);
  if (status === 100) return parse(rest);
  const whole = headers["transfer-encoding"] === "chunked" ? unchunked(rest) : rest;
  const body = headers["content-encoding"] === "gzip" ? gunzipSync(whole) : whole;
  return { status, headers, body: body.toString("utf8") };
}

function unchunked(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.subarray(at, line).toString("latin1"), 16);
    if (line < 0 || !size) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
