import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { StatusFailure } from "../api/meta.ts";

export interface GatewayQuery {
  /** Where the gateway is, `http://host:port`. */
  readonly gateway: URL;
  /** The value of the Authorization header. */
  readonly authorization: string;
  readonly namespace: string;
  readonly name: string;
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

/** Bytes of a refusal, or of another short answer, that are read. */
const TEXT_LIMIT = 64 * 1024;

/**
 * Asks a gateway for a part of a RuntimeDeployment: its bytes as they come, once the answer begins within `timeoutMs`.
 * Follows no redirect, which would carry the token elsewhere.
 * @throws {GatewayError} when it refuses. @throws {GatewayUnreachable}
 */
export async function requestPart(
  { gateway, authorization, namespace, name, signal }: GatewayQuery,
  part: { readonly subresource: string; readonly search: Readonly<Record<string, string>>; readonly timeoutMs: number },
): Promise<IncomingMessage> {
  const { subresource, search, timeoutMs } = part;
  const deployment = `namespaces/${encodeURIComponent(namespace)}/runtimedeployments/${encodeURIComponent(name)}`;
  const url = new URL(`/-/${deployment}/${subresource}`, gateway);
  url.search = new URLSearchParams(search).toString();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, { headers: { authorization }, signal });
  const late = () => request.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`));
  const tooLate = setTimeout(late, timeoutMs);
  // Finds out about a gateway that vanished while it had nothing to say.
  request.on("socket", (socket) => socket.setKeepAlive(true, 30_000));
  request.on("response", resolve);
  request.on("error", (error) => reject(new GatewayUnreachable(messageOf(error), { cause: error })));
  request.end();
  try {
    const answer = await promise;
    if (answer.statusCode === 200) return answer;
    throw await refusalOf(answer);
  } finally {
    clearTimeout(tooLate);
  }
}

/** All of a short answer; what is longer is cut. */
export async function shortText(answer: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += chunk.length;
    if (bytes > TEXT_LIMIT) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function refusalOf(answer: IncomingMessage): Promise<Error> {
  const code = answer.statusCode ?? 0;
  const text = await shortText(answer);
  try {
    const { kind, message } = JSON.parse(text) as Partial<StatusFailure>;
    if (kind === "Status" && typeof message === "string") return new GatewayError(code, message);
  } catch {
    // Not a gateway's answer: said below.
  }
  return new GatewayUnreachable(`what answers there is no Slipway gateway (HTTP ${code})`);
}

/** A host with several addresses fails with an error for each. */
function messageOf(error: Error): string {
  const { errors } = error as Partial<AggregateError>;
  const [first] = errors ?? [];
  return first === undefined ? error.message : (first as Error).message;
}
