import type { IncomingMessage, ServerResponse } from "node:http";
import { SAFE_HEADERS } from "../refusal.ts";
import { errorBody, type RequestId, RpcCode, type RpcFailure } from "./json-rpc.ts";

/** An answer that the gateway gives in the server's place. */
export interface Failure extends RpcFailure {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Says of an answer that it is the gateway's own, and why: no server's answer carries it. */
export const REASON_HEADER = "slipway-reason";

/** Tells a probe which revision the server itself speaks, where the gateway stands between them. No client sees it. */
export const REVISION_HEADER = "slipway-revision";

/** A body up to this length is read and dropped, so that the connection can go on; a longer one ends with it. */
const DROPPED_BODY = 64 * 1024;

/** Writes the failure as a JSON-RPC error, so that MCP clients can say what was wrong. Nothing may have been written. */
export function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, ...failure }: Failure,
  ids: readonly RequestId[] = [],
): void {
  if (response.headersSent || response.destroyed) return;
  const body = errorBody(ids, failure);
  response.writeHead(status, {
    ...SAFE_HEADERS,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    [REASON_HEADER]: failure.reason,
    ...(isBodyTooLongToDrop(request) && { connection: "close" }),
    ...headers,
  });
  response.end(body);
}

function isBodyTooLongToDrop({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  // Whoever waits for leave to send it may or may not send it now.
  if (headers.expect !== undefined) return true;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > DROPPED_BODY;
}

export function invalid(status: number, reason: string, message: string, headers?: Failure["headers"]): Failure {
  return { status, code: RpcCode.InvalidRequest, reason, message, ...(headers && { headers }) };
}

export function unavailable(status: number, reason: string, message: string, retryAfterSeconds?: number): Failure {
  const headers = retryAfterSeconds === undefined ? undefined : { "retry-after": String(retryAfterSeconds) };
  return { status, code: RpcCode.Unavailable, reason, message, ...(headers && { headers }) };
}

/** A server's answer is none that can be passed on. The message says why, in the gateway's words. */
export class InvalidAnswer extends Error {
  override readonly name = "InvalidAnswer";
}
