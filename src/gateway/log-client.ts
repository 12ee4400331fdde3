import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { StatusFailure } from "../api/meta.ts";
import type { LogRequestOptions } from "./log-provider.ts";

export interface LogQuery {
  /** Where the gateway is, `http://host:port`. */
  readonly gateway: URL;
  /** The value of the Authorization header. */
  readonly authorization: string;
  readonly namespace: string;
  readonly name: string;
  readonly options: LogRequestOptions;
  readonly signal: AbortSignal;
}

/** The gateway's refusal, in its words. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Nobody at that address speaks as a gateway does. */
export class GatewayUnreachable extends Error {
  override readonly name = "GatewayUnreachable";
}

/** To the first byte of an answer. A log that is followed may then be silent for as long as it likes. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Bytes of a refusal that are read. */
const REFUSAL_LIMIT = 64 * 1024;

/**
 * Asks a gateway for a log: its bytes as they come. Follows no redirect, which would carry the token elsewhere.
 * @throws {GatewayError} when it refuses. @throws {GatewayUnreachable}
 */
export async function requestLog(query: LogQuery): Promise<AsyncIterable<Buffer>> {
  const answer = await send(query);
  if (answer.statusCode === 200) return answer;
  throw await refusalOf(answer);
}

async function send({ gateway, authorization, namespace, name, options, signal }: LogQuery): Promise<IncomingMessage> {
  const path = `/-/namespaces/${encodeURIComponent(namespace)}/runtimedeployments/${encodeURIComponent(name)}/log`;
  const url = new URL(path, gateway);
  url.search = new URLSearchParams({
    tail: String(options.tail ?? -1),
    follow: String(options.follow),
    timestamps: String(options.timestamps),
  }).toString();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, { headers: { authorization }, signal });
  const tooLate = setTimeout(() => request.destroy(new Error("no answer within 30 s")), ANSWER_TIMEOUT_MS);
  // Finds out about a gateway that vanished while it had nothing to say.
  request.on("socket", (socket) => socket.setKeepAlive(true, 30_000));
  request.on("response", resolve);
  request.on("error", (error) => reject(new GatewayUnreachable(messageOf(error), { cause: error })));
  request.end();
  try {
    return await promise;
  } finally {
    clearTimeout(tooLate);
  }
}

async function refusalOf(answer: IncomingMessage): Promise<Error> {
  const code = answer.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > REFUSAL_LIMIT) break;
    chunks.push(chunk);
  }
  try {
    const { kind, message } = JSON.parse(Buffer.concat(chunks).toString()) as Partial<StatusFailure>;
    if (kind === "Status" && typeof message === "string") return new GatewayError(code, message);
  } catch {
    // Not a gateway's answer: said below.
  }
  return new GatewayUnreachable(`what answers there is no Slipway gateway (HTTP ${code})`);
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
