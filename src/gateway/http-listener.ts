import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "../machinery/logger.ts";

/** A client may take this long to send its headers, and its whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Above the idle time of common clients and below that of common proxies. */
const KEEP_ALIVE_MS = 5_000;
/** A client that reads nothing for this long is taken for gone. */
const STALLED_MS = 60_000;
/** What is under way when the listener closes has this long to end. */
const DRAIN_MS = 5_000;
const CONNECTIONS = 1_024;

export interface HttpListenerOptions {
  /** Port 0: any that is free. A Unix socket is for parts of this process. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  /** `request.signal` is raised when the client goes before the answer has ended. Must not throw. */
  readonly handler: (request: Request) => Promise<Response>;
  readonly logger: Logger;
}

export interface HttpListener {
  /** `http://host:port`, with the port that was taken; of a Unix socket its path. */
  readonly url: string;
  /** Takes no more, lets answers under way end for a while, then cuts them. */
  close(): Promise<void>;
}

/**
 * Plain HTTP for handlers of Request and Response. Node's own server with this adapter, rather than a framework's: there is
 * nothing to route here, and a later data path goes around Request and Response.
 * @throws {Error} when the address cannot be listened on, naming it.
 */
export async function startHttpListener({ listen, handler, logger }: HttpListenerOptions): Promise<HttpListener> {
  const server = createServer({ maxHeaderSize: 16 * 1024, keepAlive: true, keepAliveInitialDelay: 30_000 });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = CONNECTIONS;
  server.on("request", (incoming, outgoing) => void serve(incoming, outgoing, { handler, logger }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen("socketPath" in listen ? { path: listen.socketPath } : listen, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // Such as no file descriptor left for a connection; the next may have one.
  server.on("error", (error) => logger.warn("the listener had an error", { error: error.message }));
  return { url: urlOf(server, listen), close: () => close(server) };
}

function urlOf(server: Server, listen: HttpListenerOptions["listen"]): string {
  if ("socketPath" in listen) return listen.socketPath;
  const { port } = server.address() as AddressInfo;
  return `http://${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(cut);
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { handler, logger }: Pick<HttpListenerOptions, "handler" | "logger">,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  // Reported where the answer is written.
  outgoing.on("error", () => gone.abort());
  try {
    const request = toRequest(incoming, gone.signal);
    const response = request === undefined ? new Response(null, { status: 400 }) : await handler(request);
    await send(response, outgoing);
  } catch (error) {
    if (!gone.signal.aborted) logger.warn("an answer was cut short", { error: String(error) });
    outgoing.destroy();
  }
}

/** Undefined where target or headers make no URL. Bodies are not taken: nothing here has one. */
function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  // The Host header is the handler's to judge; the URL carries only path and query.
  const url = URL.parse(incoming.url?.startsWith("/") ? `http://gateway${incoming.url}` : (incoming.url ?? ""));
  if (url === null || incoming.method === "CONNECT" || incoming.method === "TRACE") return undefined;
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  return new Request(url, { method: incoming.method ?? "GET", headers, signal });
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.flushHeaders();
  const reader = response.body?.getReader();
  if (reader === undefined) return void outgoing.end();
  const cancel = () => void reader.cancel().catch(() => undefined);
  outgoing.once("close", cancel);
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      if (!outgoing.write(chunk.value)) await drained(outgoing);
    }
  } finally {
    outgoing.off("close", cancel);
  }
  outgoing.end();
}

/** Resolves when there is room again; the connection is cut when there is none for too long. */
async function drained(outgoing: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stalled = setTimeout(() => outgoing.destroy(), STALLED_MS);
  stalled.unref();
  outgoing.once("drain", resolve).once("close", resolve);
  await promise;
  clearTimeout(stalled);
  outgoing.off("drain", resolve).off("close", resolve);
}
