import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "../../machinery/logger.ts";
import { ObjectTooLarge, StateReplaced, StoreUnavailable } from "../storage/store.ts";
import { encode } from "../verbs/present.ts";
import { type Accepted, negotiate } from "./accept.ts";
import { type Answer, type HttpRequest, header, type StreamSink } from "./answer.ts";
import type { ServerCertificates } from "./certificates.ts";
import { sendBody } from "./send-body.ts";
import { internalError, StatusError, unavailable } from "./status-error.ts";

const HEADERS_TIMEOUT_MS = 30_000;
/** How long a client may take to send its body. */
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 120_000;
const DRAIN_MS = 5_000;

/** Answers one request. Warnings are added to `warnings`. Errors become Status answers. */
export type RequestHandler = (request: HttpRequest, details: RequestDetails) => Promise<Answer>;

export interface RequestDetails {
  /** The request as node has it, for authentication by certificate. */
  readonly message: IncomingMessage;
  readonly warnings: Set<string>;
  /** For the audit log. */
  readonly annotations: Map<string, string>;
  /** Names the request in the header Audit-Id of its answer, and in the audit log. */
  readonly auditId: string;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly certificates: ServerCertificates;
  readonly logger: Logger;
  readonly handler: RequestHandler;
}

export interface Listener {
  readonly port: number;
  /** Takes a renewed certificate for connections from now on. */
  renew(certificates: ServerCertificates): void;
  /** Ends watches, lets running requests finish for a while, then cuts what is left. */
  close(): Promise<void>;
}

/** TLS 1.2 and later; client certificates are asked for, and judged by the authenticator. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, certificates, handler, logger } = options;
  const stopping = new AbortController();
  const server = createServer(
    {
      ...tlsOptions(certificates),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      maxHeaderSize: 64 * 1024,
      keepAlive: true,
      noDelay: true,
    },
    (message, response) => {
      void respond({ message, response, handler, logger, stopping: stopping.signal });
    },
  );
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (error) => logger.debug("TLS handshake failed", { error: error.message }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    renew: (renewed) => server.setSecureContext(tlsOptions(renewed)),
    close: () => close(server, stopping, sockets),
  };
}

function tlsOptions({ caPem, certificatePem, keyPem }: ServerCertificates) {
  return { ca: caPem, cert: certificatePem, key: keyPem };
}

async function close(server: Server, stopping: AbortController, sockets: Set<Duplex>): Promise<void> {
  stopping.abort();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, DRAIN_MS);
  await closed;
  clearTimeout(cut);
}

interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly handler: RequestHandler;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
}

async function respond(exchange: Exchange): Promise<void> {
  const { message, response, handler, logger } = exchange;
  const started = performance.now();
  const warnings = new Set<string>();
  const request = toRequest(message);
  const auditId = auditIdOf(request);
  response.setHeader("Audit-Id", auditId);
  const answer = await handler(request, { message, warnings, annotations: new Map(), auditId }).catch(
    (error: unknown) => failure(error, message, logger),
  );
  try {
    if (answer.stream) stream(exchange, answer, warnings);
    else await send(exchange, answer, warnings);
  } catch (error) {
    logger.debug("answer not sent", {
      path: message.url,
      error: error instanceof Error ? error.message : String(error),
    });
    response.destroy();
  }
  logger.debug("request", {
    ...{ method: message.method, path: message.url, status: answer.status },
    ms: Math.round((performance.now() - started) * 10) / 10,
  });
}

/** The client's own, as in Kubernetes, so that a request can be followed through several servers. */
function auditIdOf(request: HttpRequest): string {
  const given = header(request, "audit-id");
  return /^[-\w.:]{1,64}$/.test(given) ? given : randomUUID();
}

function toRequest(message: IncomingMessage): HttpRequest {
  const url = message.url ?? "/";
  const mark = url.indexOf("?");
  return {
    method: message.method ?? "GET",
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1)),
    headers: message.headers,
    body: message,
  };
}

/** Shared, never written to. */
const NO_QUERY = new URLSearchParams();

/** What no handler foresaw is logged and hidden. */
function failure(error: unknown, message: IncomingMessage, logger: Logger): Answer {
  const { method, url } = message;
  const known = asStatus(error) ?? unforeseen(error, { method, url }, logger);
  const { retryAfterSeconds } = known.status.details ?? {};
  return {
    ...encode(known.code, JSON.stringify(known.status), acceptedForErrors(String(message.headers.accept ?? ""))),
    ...(retryAfterSeconds === undefined ? {} : { headers: { "retry-after": String(retryAfterSeconds) } }),
  };
}

function asStatus(error: unknown): StatusError | undefined {
  if (error instanceof StatusError) return error;
  if (error instanceof StateReplaced) return unavailable(error.message, 1);
  // As kube-apiserver passes etcd's answer on: without a reason.
  if (error instanceof ObjectTooLarge) return new StatusError(500, undefined, error.message);
  // Nothing was stored, so the client may come again.
  return error instanceof StoreUnavailable ? new StatusError(500, "InternalError", error.message) : undefined;
}

/** A client that accepts nothing we speak gets its error in JSON all the same. */
function acceptedForErrors(accept: string): Accepted {
  try {
    return { ...negotiate(accept), as: undefined };
  } catch {
    return { format: "json", as: undefined, version: "v1" };
  }
}

function unforeseen(error: unknown, request: object, logger: Logger): StatusError {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.error("request failed", { ...request, error: stack });
  return internalError(error instanceof Error ? error.message : "unknown error");
}

function head({ response, stopping }: Exchange, answer: Answer, warnings: ReadonlySet<string>): void {
  // The connection ends with this answer, so that a stop need not wait for its keep-alive.
  if (stopping.aborted) response.setHeader("Connection", "close");
  response.setHeader("Cache-Control", "no-cache, private");
  if (answer.contentType !== undefined) response.setHeader("Content-Type", answer.contentType);
  if (answer.headers) for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (warnings.size > 0) response.setHeader("Warning", warningHeaders(warnings));
}

/** Kubernetes' bound on all warnings of one answer; beyond, they are cut, then left out. */
const MAX_WARNING_BYTES = 4 * 1024;
const MAX_WARNING_LENGTH = 256;

/** `299 - "text"` as RFC 7234 says, quoted. */
function warningHeaders(warnings: ReadonlySet<string>): string[] {
  const total = [...warnings].reduce((sum, text) => sum + text.length, 0);
  const headers: string[] = [];
  let bytes = 0;
  for (const warning of warnings) {
    const shown = total > MAX_WARNING_BYTES ? warning.slice(0, MAX_WARNING_LENGTH) : warning;
    bytes += shown.length;
    if (bytes > MAX_WARNING_BYTES) break;
    // Header values are bytes; anything beyond Latin-1 goes as its UTF-8.
    const quoted = shown.replace(/[\\"]/g, "\\$&").replace(/\p{Cc}/gu, " ");
    headers.push(`299 - "${Buffer.from(quoted).toString("latin1")}"`);
  }
  return headers;
}

async function send(exchange: Exchange, answer: Answer, warnings: ReadonlySet<string>): Promise<void> {
  const { message, response } = exchange;
  head(exchange, answer, warnings);
  await sendBody(message, response, answer);
  // A body that nobody read (refused before) must not be taken for the next request.
  if (!message.complete) discard(message);
}

/** Lets a small rest of the body pass and cuts the connection at more. */
function discard(message: IncomingMessage): void {
  let bytes = 0;
  message.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > 4 * 1024 * 1024) message.destroy();
  });
  message.resume();
}

function stream(exchange: Exchange, answer: Answer, warnings: ReadonlySet<string>): void {
  const { message, response, stopping } = exchange;
  head(exchange, answer, warnings);
  response.writeHead(answer.status, { "Transfer-Encoding": "chunked" });
  response.flushHeaders();
  const left = new AbortController();
  // The client may have left while it was decided who asks, and is heard of no more.
  if (response.destroyed) left.abort();
  else response.once("close", () => left.abort());
  // A watch has no end that a request's timeout could wait for.
  message.socket.setTimeout(0);
  answer.stream?.run(sinkOf(response), AbortSignal.any([left.signal, stopping]));
}

function sinkOf(response: ServerResponse): StreamSink {
  return {
    get pendingBytes() {
      return response.writableLength;
    },
    write: (text) => void response.write(text),
    onDrain(listener) {
      response.once("drain", listener);
      return () => void response.off("drain", listener);
    },
    end: () => void response.end(),
    destroy: () => void response.destroy(),
  };
}
