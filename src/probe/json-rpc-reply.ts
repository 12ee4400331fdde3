import type { IncomingMessage } from "node:http";
import { createParser } from "eventsource-parser";
import type { Connection } from "./connection.ts";
import { invalidAnswer } from "./probe-error.ts";

export type JsonRpcId = string | number;

/** The answer to one JSON-RPC request. Nothing inside `result` is checked yet. */
export type JsonRpcReply =
  | { readonly jsonrpc: "2.0"; readonly id: JsonRpcId; readonly result: Record<string, unknown> }
  | { readonly jsonrpc: "2.0"; readonly id: JsonRpcId; readonly error: { readonly code: number } };

/**
 * Finds the answer to request `id` in a body of either form that MCP allows: a JSON message, or a stream of events that
 * may carry others before it. The stream is left as soon as the answer is there: some servers never end theirs.
 * @throws {ProbeError} `asked` names the request in its message.
 */
export async function readReply(
  connection: Connection,
  message: IncomingMessage,
  { id, asked }: { id: JsonRpcId; asked: string },
): Promise<JsonRpcReply> {
  const type = message.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  switch (type) {
    case "application/json":
      return replyIn(parseJson(await connection.text(message), asked), id) ?? noReply(asked);
    case "text/event-stream":
      return readEvents(connection, message, { id, asked });
    default:
      message.destroy();
      throw invalidAnswer(
        `answered ${asked} with neither application/json nor text/event-stream; the path may not be an MCP endpoint`,
      );
  }
}

async function readEvents(
  connection: Connection,
  message: IncomingMessage,
  { id, asked }: { id: JsonRpcId; asked: string },
): Promise<JsonRpcReply> {
  let reply: JsonRpcReply | undefined;
  const parser = createParser({
    onEvent({ data }) {
      // An event without data only carries an id to resume from.
      if (reply === undefined && data !== "") reply = replyIn(parseJson(data, asked), id);
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of connection.body(message)) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    if (reply !== undefined) return reply;
  }
  throw invalidAnswer(`ended its stream of events without an answer to ${asked}`);
}

function parseJson(text: string, asked: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidAnswer(`answered ${asked} with something that is not JSON`, error);
  }
}

/** Revision 2025-03-26 allowed several messages in one array. */
function replyIn(value: unknown, id: JsonRpcId): JsonRpcReply | undefined {
  const messages: readonly unknown[] = Array.isArray(value) ? value : [value];
  return messages.find((message): message is JsonRpcReply => isReplyTo(message, id));
}

function isReplyTo(message: unknown, id: JsonRpcId): boolean {
  if (!isRecord(message) || message.jsonrpc !== "2.0" || message.id !== id) return false;
  return isRecord(message.result) || (isRecord(message.error) && typeof message.error.code === "number");
}

function noReply(asked: string): never {
  throw invalidAnswer(`answered ${asked} with JSON that is no JSON-RPC answer to it`);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
