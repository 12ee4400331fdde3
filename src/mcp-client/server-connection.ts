import {
  type CallToolResult,
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Tool,
  type Transport,
} from "@modelcontextprotocol/client";
import { McpFailure } from "./mcp-failure.ts";
import { Wire } from "./wire.ts";

export type { CallToolResult, Tool } from "@modelcontextprotocol/client";

export interface ConnectServerOptions {
  /** Where the gateway serves it. */
  readonly url: URL;
  /** The value of the Authorization header. Absent: the gateway is asked without. */
  readonly authorization: string | undefined;
  /** Of each request, connecting included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Where reading a list ends: one that goes on is a server's fault. */
const MOST_TOOLS = 10_000;
const MOST_PAGES = 100;
/** What the goodbye may take. */
const FAREWELL_MS = 2_000;

export interface ToolList {
  readonly tools: readonly Tool[];
  /** Whether the server has more than are read. */
  readonly truncated: boolean;
}

/**
 * Connects to an MCP server through the gateway, of whatever era it is; where the gateway says that the server speaks
 * legacy SSE only, over that. Offers the server nothing: no sampling, no elicitation, no roots.
 * @throws {McpFailure}
 */
export async function connectToServer(options: ConnectServerOptions): Promise<ServerConnection> {
  const { url, authorization } = options;
  const requestInit = authorization === undefined ? {} : { requestInit: { headers: { authorization } } };
  const streamable = new Wire();
  const http = new StreamableHTTPClientTransport(url, { fetch: streamable.streamable, ...requestInit });
  const end = () => http.terminateSession();
  try {
    return await ServerConnection.open({ transport: http, wire: streamable, mode: "auto", end }, options);
  } catch (error) {
    if (!(error instanceof McpFailure) || error.status !== 405) throw error;
  }
  const wire = new Wire();
  const transport = new SSEClientTransport(url, { fetch: wire.sse, ...requestInit });
  return await ServerConnection.open({ transport, wire, mode: "legacy", end: async () => undefined }, options);
}

interface Line {
  readonly transport: Transport;
  readonly wire: Wire;
  readonly mode: "auto" | "legacy";
  /** Ends the session, where there is one. */
  readonly end: () => Promise<void>;
}

/** One client of one server. Disposal says goodbye and closes it. */
export class ServerConnection implements AsyncDisposable {
  readonly #client: Client;
  readonly #line: Line;
  readonly #request: { readonly timeout: number; readonly maxTotalTimeout: number; readonly signal: AbortSignal };

  private constructor(line: Line, { timeoutMs, signal }: ConnectServerOptions) {
    this.#line = line;
    this.#client = new Client({ name: "slipway", version: "1" }, { versionNegotiation: { mode: line.mode } });
    this.#request = { timeout: timeoutMs, maxTotalTimeout: timeoutMs, signal };
  }

  /** @throws {McpFailure} */
  static async open(line: Line, options: ConnectServerOptions): Promise<ServerConnection> {
    const connection = new ServerConnection(line, options);
    try {
      await connection.#asked(() => connection.#client.connect(line.transport, connection.#request));
      return connection;
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** All pages, up to a bound. None where the server offers no tools. @throws {McpFailure} */
  async listTools(): Promise<ToolList> {
    if (this.#client.getServerCapabilities()?.tools === undefined) return { tools: [], truncated: false };
    const tools: Tool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES && tools.length < MOST_TOOLS; page += 1) {
      const params = cursor === undefined ? {} : { cursor };
      const answer = await this.#asked(() => this.#client.request({ method: "tools/list", params }, this.#request));
      tools.push(...answer.tools);
      cursor = answer.nextCursor;
      if (cursor === undefined) return { tools: tools.slice(0, MOST_TOOLS), truncated: tools.length > MOST_TOOLS };
    }
    return { tools: tools.slice(0, MOST_TOOLS), truncated: true };
  }

  /** `definition` tells which arguments go into headers as well (revision 2026-07-28). @throws {McpFailure} */
  async callTool(
    { name, definition }: { readonly name: string; readonly definition: Tool | undefined },
    args: Record<string, unknown>,
  ): Promise<CallToolResult> {
    const options = { ...this.#request, ...(definition && { toolDefinition: definition }) };
    return await this.#asked(() => this.#client.callTool({ name, arguments: args }, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { wire, transport, end } = this.#line;
    const late = new Promise((resolve) => setTimeout(resolve, FAREWELL_MS).unref());
    const farewell = wire.noticesSent().then(end);
    // Who does not answer keeps no session that could be ended.
    await Promise.race([farewell.catch(() => undefined), late]);
    await this.#client.close();
    // A client whose connect failed has let go of its transport.
    await transport.close();
    await wire.close();
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    const { signal, timeout } = this.#request;
    try {
      signal.throwIfAborted();
      return await ask();
    } catch (error) {
      if (signal.aborted) throw new McpFailure("cancelled", "cancelled", { cause: error });
      throw failureOf(error, this.#line.wire, timeout);
    }
  }
}

function failureOf(error: unknown, { failure }: Wire, timeoutMs: number): McpFailure {
  if (error instanceof McpFailure) return error;
  if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) {
    return new McpFailure("timeout", `did not answer within ${timeoutMs / 1_000} s`, { cause: error });
  }
  if (failure !== undefined) return failure;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ProtocolError) return new McpFailure("rpc-error", message, { cause: error });
  return new McpFailure("invalid", message, { cause: error });
}
