import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Admission } from "../admission/admission.ts";
import type { Logger } from "../machinery/logger.ts";
import { type AdmissionHalf, answerReview, NotAReview } from "./review.ts";

/** An object and its predecessor, each as large as an API server stores them, with room for the rest. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** An API server waits for thirty seconds at most. */
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;
/** Who connects and says nothing is not waited for. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Longer than API servers keep a connection that nothing goes over, so that it is they who close it. */
const KEEP_ALIVE_MS = 120_000;

export interface WebhookListenerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** What is answered lies below it: one path for each half of admission. */
  readonly path: string;
  /** Absent: none yet, so no connection comes about. */
  readonly certificate?: WebhookCertificate;
  readonly admission: Admission;
  /** Why nothing can be answered yet; undefined: it can. */
  readonly closedFor?: () => string | undefined;
  readonly logger: Logger;
}

export interface WebhookCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface WebhookListener extends AsyncDisposable {
  /** Where an API server is to send the reviews of each half. */
  readonly urls: Readonly<Record<AdmissionHalf, string>>;
  /** Takes another certificate for connections from now on. */
  renew(certificate: WebhookCertificate): void;
  /** Goes on answering, but keeps no connection: API servers are to find another replica. */
  leave(): void;
}

/** Serves the admission rules as a webhook, over TLS 1.2 or later. */
export async function listenForReviews(options: WebhookListenerOptions): Promise<WebhookListener> {
  const { host, port, path, certificate } = options;
  const leaving = { isLeaving: false };
  const server = createServer(
    { ...(certificate && pems(certificate)), minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    (message, response) => {
      if (leaving.isLeaving) response.setHeader("connection", "close");
      void respond(message, response, options);
    },
  );
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = MAX_CONNECTIONS;
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { port: taken } = server.address() as AddressInfo;
  const url = `https://${host.includes(":") ? `[${host}]` : host}:${taken}${path}`;
  return {
    urls: { stamps: `${url}/stamps`, rules: `${url}/rules` },
    renew: (renewed) => server.setSecureContext({ ...pems(renewed), minVersion: "TLSv1.2" }),
    leave() {
      leaving.isLeaving = true;
      server.closeIdleConnections();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      // Answers take no time, so what is still open waits for nothing.
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const HALVES: readonly AdmissionHalf[] = ["stamps", "rules"];

function pems({ certificatePem, keyPem }: WebhookCertificate) {
  return { cert: certificatePem, key: keyPem };
}

async function respond(
  message: IncomingMessage,
  response: ServerResponse,
  { path, admission, closedFor, logger }: WebhookListenerOptions,
): Promise<void> {
  try {
    const [asked] = (message.url ?? "").split("?", 1);
    const half = HALVES.find((each) => asked === `${path}/${each}`);
    if (half === undefined) return send(response, 404, "not found");
    if (message.method !== "POST") return send(response, 405, "only POST is answered");
    const closed = closedFor?.();
    if (closed !== undefined) return send(response, 503, `not ready: ${closed}`);
    const text = await readBounded(message);
    if (text === undefined) return send(response, 413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
    const answer = JSON.stringify(answerReview(parse(text), half, admission));
    response.writeHead(200, { "content-type": "application/json" }).end(answer);
  } catch (error) {
    if (error instanceof NotAReview) return send(response, 400, error.message);
    // The API server sees that something broke; what broke is nobody's business but the operator's.
    logger.error("review not answered", {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    send(response, 500, "the review was not answered");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotAReview("the body is no JSON");
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" }).end(`${text}\n`);
}

/** Undefined when there is too much; the rest is not read. */
async function readBounded(message: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
