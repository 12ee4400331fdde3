import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip, gzip } from "node:zlib";
import type { Answer } from "./answer.ts";

const compress = promisify(gzip);

/** kube-apiserver compresses answers from 128 KiB, at the fastest level: below, it costs more than it saves. */
const MIN_GZIP_BYTES = 128 * 1024;
const GZIP_LEVEL = 1;
/** A client that takes no piece of a long list for so long is cut off: what it was to get must not be kept for ever. */
const MAX_STALL_MS = 60_000;

/** Sends the body of an answer whose headers are set. Rejects when the client leaves before a long one is sent. */
export async function sendBody(message: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { body = "", pieces } = answer;
  response.statusCode = answer.status;
  const accepts = message.headers["accept-encoding"];
  const mayCompress = typeof accepts === "string" && /\bgzip\b/.test(accepts);
  if (pieces) await sendPieces(message, response, { pieces, mayCompress });
  else if (mayCompress && body.length >= MIN_GZIP_BYTES) {
    announceGzip(response);
    sendWhole(message, response, await compress(body, { level: GZIP_LEVEL }));
  } else sendWhole(message, response, body);
}

function sendWhole(message: IncomingMessage, response: ServerResponse, body: string | Buffer): void {
  const bytes = Buffer.byteLength(body);
  response.setHeader("Content-Length", bytes);
  if (message.method === "HEAD") response.end();
  // Node joins the headers to a body that is a string and encodes both alike, and headers are Latin-1. So is ASCII, and
  // as such it is copied without being looked at.
  else if (typeof body === "string" && bytes === body.length) response.end(body, "latin1");
  else response.end(typeof body === "string" ? Buffer.from(body) : body);
}

/** One piece after the other as the client takes them, so that a long list is never in memory as a whole. */
async function sendPieces(
  message: IncomingMessage,
  response: ServerResponse,
  { pieces, mayCompress }: { pieces: Iterable<string>; mayCompress: boolean },
): Promise<void> {
  if (mayCompress) announceGzip(response);
  if (message.method === "HEAD") {
    response.end();
    return;
  }
  const stalled = setTimeout(() => response.destroy(), MAX_STALL_MS);
  const source = Readable.from(
    bytesOf(pieces, () => stalled.refresh()),
    { highWaterMark: 2 },
  );
  try {
    if (mayCompress) await pipeline(source, createGzip({ level: GZIP_LEVEL }), response);
    else await pipeline(source, response);
  } finally {
    clearTimeout(stalled);
  }
}

function* bytesOf(pieces: Iterable<string>, onTaken: () => void): Generator<Buffer> {
  for (const piece of pieces) {
    onTaken();
    yield Buffer.from(piece);
  }
}

function announceGzip(response: ServerResponse): void {
  response.setHeader("Content-Encoding", "gzip");
  response.setHeader("Vary", "Accept-Encoding");
}
