export type RequestId = string | number;

/** What the gateway answers in the server's place. Codes of JSON-RPC that are left to implementations. */
export const RpcCode = {
  /** It does not serve now, or stopped to while it worked on the request. Clients know it as "connection closed". */
  Unavailable: -32000,
  InvalidRequest: -32600,
  Internal: -32603,
} as const;

/** Requests of one batch that are told of a failure. */
const BATCH_LIMIT = 256;

/**
 * The ids under which a body expects answers: that of a request, or those of a batch. None where it is no JSON-RPC, or
 * holds only notifications and answers.
 */
export function requestIdsIn(body: string): readonly RequestId[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [];
  }
  const messages = Array.isArray(parsed) ? parsed.slice(0, BATCH_LIMIT) : [parsed];
  return messages.flatMap((message) => requestIdOf(message) ?? []);
}

function requestIdOf(message: unknown): RequestId | undefined {
  if (typeof message !== "object" || message === null || !("method" in message) || !("id" in message)) return undefined;
  const { id } = message;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
  /** PascalCase, for programs. */
  readonly reason: string;
}

/** The failure as one message; `id` null where the request's is not known (JSON-RPC 2.0, section 5). */
export function errorMessage(id: RequestId | null, { code, message, reason }: RpcFailure): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, data: { reason } } });
}

/** The failure as the body of an answer: a batch for several ids. */
export function errorBody(ids: readonly RequestId[], failure: RpcFailure): string {
  if (ids.length <= 1) return errorMessage(ids[0] ?? null, failure);
  return `[${ids.map((id) => errorMessage(id, failure)).join(",")}]`;
}

/**
 * The failure as server-sent events, one for each request. Whatever the server left unfinished is ended first: no client
 * can read it as a message. Blank lines say nothing by themselves.
 */
export function errorEvents(ids: readonly RequestId[], failure: RpcFailure): string {
  return `\n\n${ids.map((id) => `event: message\ndata: ${errorMessage(id, failure)}\n\n`).join("")}`;
}
