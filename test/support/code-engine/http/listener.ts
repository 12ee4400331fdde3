import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { listen } from "../../listen.ts";
import { ConnectionReset, type Handler } from "./surface.ts";

/** Plain HTTP on loopback. */
export interface Listener {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly server: Server;
  close(): Promise<void>;
}

/** Serves a handler of Request and Response on any free port of loopback. */
export function serveHandler(handler: Handler, port = 0): Promise<Listener> {
  return serve((incoming, outgoing) => void answer(handler, incoming, outgoing), port);
}

/** Serves Node's own kind of handler, for what Request and Response cannot carry: upgrades, bodies that pass untouched. */
export async function serve(onRequest: RequestListener, port = 0): Promise<Listener> {
  const server = createServer(onRequest);
  const address = await listen(server, port);
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://${address}`, server, close };
}

async function answer(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  try {
    await sendResponse(await handler(toRequest(incoming, gone.signal)), outgoing);
  } catch (error) {
    const { socket } = incoming;
    // A reset, not an orderly end: clients report them differently.
    if (error instanceof ConnectionReset) socket.resetAndDestroy();
    else socket.destroy();
  }
}

/** `signal` is raised when the client goes before the answer has ended. */
export function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const method = incoming.method ?? "GET";
  const body = method === "GET" || method === "HEAD" ? {} : { body: Readable.toWeb(incoming), duplex: "half" as const };
  const url = new URL(incoming.url ?? "/", `http://${incoming.headers.host ?? "localhost"}`);
  return new Request(url, { method, headers, signal, ...(body as { body?: ReadableStream; duplex?: "half" }) });
}

export async function sendResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, [...response.headers].flat());
  outgoing.flushHeaders();
  if (response.body === null) return void outgoing.end();
  await pipeline(Readable.fromWeb(response.body as never), outgoing);
}
