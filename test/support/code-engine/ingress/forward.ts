import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { sendResponse, toRequest } from "../http/listener.ts";
import type { Upstream } from "../runtime/runtime.ts";

/** Of one connection, not of the message. @see RFC 9110, 7.6.1 */
const HOP_BY_HOP = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"],
  ...["transfer-encoding", "upgrade"],
];

/** Passes a request to an instance, and its answer back, as they come. Resolves when the answer has ended. */
export async function forward(
  upstream: Upstream,
  { incoming, outgoing, signal }: { incoming: IncomingMessage; outgoing: ServerResponse; signal: AbortSignal },
): Promise<void> {
  switch (upstream.kind) {
    case "closed":
      return refuse(outgoing, 502, "nothing listens");
    case "handler":
      return await sendResponse(await unlessAborted(upstream.handle(toRequest(incoming, signal)), signal), outgoing);
    case "socket":
      return await overSocket(upstream, { incoming, outgoing, signal });
    default:
      upstream satisfies never;
  }
}

/** Rejects with the signal's reason where it comes first: what takes for ever is left behind. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  return await Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", abort));
}

/** Answers for the platform. Where an answer has begun, only its connection can end. */
export function refuse(outgoing: ServerResponse, status: number, message: string): void {
  if (outgoing.headersSent) outgoing.destroy();
  else outgoing.writeHead(status, { "content-type": "text/plain" }).end(`${message}\n`);
}

function overSocket(
  { host, port }: { host: string; port: number },
  { incoming, outgoing, signal }: { incoming: IncomingMessage; outgoing: ServerResponse; signal: AbortSignal },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { method, url: path } = incoming;
  const headers = endToEnd(incoming);
  const onward = request({ host, port, agent: false, setHost: false, headers, signal, ...defined({ method, path }) });
  onward.once("response", (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, stripped(answer.headersDistinct));
    outgoing.flushHeaders();
    answer.once("error", () => outgoing.destroy());
    answer.pipe(outgoing);
  });
  onward.once("error", () => {
    if (!signal.aborted) refuse(outgoing, 502, "the instance broke the connection");
    resolve();
  });
  outgoing.once("close", () => {
    onward.destroy();
    resolve();
  });
  incoming.pipe(onward);
  return promise;
}

/** Connects a client that upgrades (a WebSocket, say) with an instance. Resolves when the connection has ended. */
export function forwardUpgrade(
  upstream: Upstream & { readonly kind: "socket" },
  { incoming, socket, head, signal }: { incoming: IncomingMessage; socket: Duplex; head: Buffer; signal: AbortSignal },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { method, url: path } = incoming;
  const headers = { ...endToEnd(incoming), connection: "upgrade", upgrade: incoming.headers.upgrade };
  const { host, port } = upstream;
  const onward = request({ host, port, agent: false, setHost: false, headers, signal, ...defined({ method, path }) });
  onward.once("upgrade", (answer, partner, partnerHead) => {
    socket.write(headOf(answer));
    socket.write(partnerHead);
    partner.write(head);
    partner.on("error", () => socket.destroy()).once("close", () => socket.destroy());
    socket.once("close", () => partner.destroy());
    partner.pipe(socket).pipe(partner);
  });
  onward.once("response", (answer) => socket.end(headOf(answer)));
  onward.once("error", () => socket.destroy());
  socket.once("close", () => {
    onward.destroy();
    resolve();
  });
  onward.end();
  return promise;
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []));
  return `${[`HTTP/1.1 ${statusCode} ${statusMessage}`, ...lines].join("\r\n")}\r\n\r\n`;
}

function endToEnd({ headers, socket }: IncomingMessage): IncomingHttpHeaders {
  const chunked = headers["transfer-encoding"] === undefined ? {} : { "transfer-encoding": "chunked" };
  const forwarded = { "x-forwarded-for": socket.remoteAddress ?? "", "x-forwarded-proto": "https" };
  return { ...stripped(headers), ...forwarded, ...chunked };
}

function stripped<T extends object>(headers: T): T {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name))) as T;
}

function defined<T extends object>(options: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
