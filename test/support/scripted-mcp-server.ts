import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One JSON-RPC message that came in, or another method on the endpoint. */
export interface Received {
  readonly http: string;
  readonly method: string | undefined;
  readonly id: unknown;
  readonly params: Record<string, unknown>;
  readonly sessionId: string | undefined;
  readonly headers: IncomingMessage["headers"];
}

export type Script = (received: Received, response: ServerResponse) => void;

/** An HTTP server on loopback that does what a script says, and keeps what it was asked. */
export class ScriptedMcpServer implements AsyncDisposable {
  readonly received: Received[] = [];
  script: Script;
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string, script: Script) {
    this.#server = server;
    this.#path = path;
    this.script = script;
  }

  static async start(script: Script, path = "/mcp"): Promise<ScriptedMcpServer> {
    const server = createServer();
    const self = new ScriptedMcpServer(server, path, script);
    server.on("request", (request, response) => void self.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return self;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#path}`;
  }

  /** JSON-RPC methods in the order in which they came; for other requests the HTTP method. */
  get methods(): string[] {
    return this.received.map(({ http, method }) => method ?? http);
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const message =
      text === "" ? {} : (JSON.parse(text) as { method?: string; id?: unknown; params?: Received["params"] });
    const received: Received = {
      http: request.method ?? "",
      method: message.method,
      id: message.id,
      params: message.params ?? {},
      sessionId: request.headers["mcp-session-id"] as string | undefined,
      headers: request.headers,
    };
    this.received.push(received);
    this.script(received, response);
  }
}

export function json(
  response: ServerResponse,
  body: unknown,
  headers: Record<string, string> = {},
  status = 200,
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export function events(response: ServerResponse, ...messages: unknown[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const message of messages) response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
}

export interface EarlierEra {
  /** Whether it keeps sessions. */
  readonly sessions?: boolean;
  readonly tools?: readonly string[];
  /** Overrides the answer to one method. */
  readonly on?: Readonly<Record<string, Script>>;
}

/** A server of revision 2025-06-18 that answers as one should, with sessions that it ends on DELETE. */
export function earlierEra({
  sessions = true,
  tools = ["echo"],
  on = {},
}: EarlierEra = {}): Script & { live: Set<string> } {
  const live = new Set<string>();
  let started = 0;
  const initialize = (id: unknown, response: ServerResponse) => {
    const session = `session-${++started}`;
    if (sessions) live.add(session);
    const result = {
      protocolVersion: "2025-06-18",
      capabilities: tools.length > 0 ? { tools: {} } : {},
      serverInfo: { name: "scripted", version: "1.0" },
    };
    json(response, { jsonrpc: "2.0", id, result }, sessions ? { "mcp-session-id": session } : {});
  };
  const answer = (id: unknown, method: string | undefined, response: ServerResponse) => {
    const listed = tools.map((name) => ({ name, inputSchema: { type: "object" } }));
    if (method === "tools/list") json(response, { jsonrpc: "2.0", id, result: { tools: listed } });
    else if (method === "ping") json(response, { jsonrpc: "2.0", id, result: {} });
    else json(response, { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
  };
  const script: Script = (received, response) => {
    const { http, method, id, sessionId } = received;
    const special = on[method ?? http];
    if (special) return special(received, response);
    if (http === "DELETE") {
      live.delete(sessionId ?? "");
      return void response.writeHead(200).end();
    }
    if (http !== "POST") return void response.writeHead(405).end();
    if (method === "initialize") return initialize(id, response);
    if (sessions && !live.has(sessionId ?? "")) {
      const status = sessionId === undefined ? 400 : 404;
      return json(response, { jsonrpc: "2.0", id: null, error: { code: -32000, message: "no session" } }, {}, status);
    }
    if (id === undefined) return void response.writeHead(202).end();
    answer(id, method, response);
  };
  return Object.assign(script, { live });
}
