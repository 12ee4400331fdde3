import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
} from "@modelcontextprotocol/client";

export type Message = JSONRPCMessage;
export type Request = JSONRPCRequest;
export type Notification = JSONRPCNotification;
export type Answer = JSONRPCResultResponse | JSONRPCErrorResponse;
export type RequestId = JSONRPCRequest["id"];
export type Fields = Readonly<Record<string, unknown>>;

/**
 * The value as one JSON-RPC message, undefined where it is none. Only the frame is looked at, since what stands in params
 * and results is between client and server: the SDK's schemas read all of a message, 8 MB where it has them.
 */
export function asMessage(value: unknown): Message | undefined {
  if (!isFields(value) || value.jsonrpc !== "2.0") return undefined;
  const isFramed = "method" in value ? isCall(value) : isAnswerFrame(value);
  return isFramed ? (value as unknown as Message) : undefined;
}

function isCall({ method, id, params }: Fields): boolean {
  return typeof method === "string" && (id === undefined || isId(id)) && (params === undefined || isFields(params));
}

function isAnswerFrame({ id, result, error }: Fields): boolean {
  if (error === undefined) return isId(id) && isFields(result);
  // An error may have no id: that of what could not be read is not known.
  if (result !== undefined || (!isId(id) && id !== undefined && id !== null)) return false;
  return isFields(error) && Number.isInteger(error.code) && typeof error.message === "string";
}

/** MCP allows whole numbers and strings. */
function isId(id: unknown): id is RequestId {
  return typeof id === "string" || Number.isSafeInteger(id);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isRequest(message: Message): message is Request {
  return "method" in message && "id" in message;
}

export function isNotification(message: Message): message is Notification {
  return "method" in message && !("id" in message);
}

export function isAnswer(message: Message): message is Answer {
  return !("method" in message);
}

/** The member where it is an object, else one without members. */
export function fieldsOf(parent: Fields | undefined, name: string): Fields {
  const value = parent?.[name];
  return isFields(value) ? value : {};
}

/** The request's `_meta`, without members where it has none. */
export function metaOf(message: { readonly params?: unknown }): Fields {
  return isFields(message.params) ? fieldsOf(message.params, "_meta") : {};
}

export function resultOf(id: RequestId, result: Fields = {}): Answer {
  return { jsonrpc: "2.0", id, result: { ...result } };
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  /** PascalCase, for programs. */
  readonly reason: string;
}

export function errorOf(id: RequestId, { code, message, reason }: RpcError): Answer {
  return { jsonrpc: "2.0", id, error: { code, message, data: { reason } } };
}

/** `-32000` is JSON-RPC's for implementations; clients of MCP know it as "connection closed". */
export const RpcCode = {
  Unavailable: -32000,
  InvalidRequest: -32600,
  MethodNotFound: -32601,
  InvalidParams: -32602,
  Internal: -32603,
} as const;
