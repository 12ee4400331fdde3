import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { isLegacySse } from "../mcp/bridged/needs-bridge.ts";
import type { AnswerRewrite } from "../mcp/exchange.ts";
import type { RequestId } from "../mcp/json-rpc.ts";
import { LegacyCalls } from "../mcp/legacy-calls.ts";

/**
 * A stream of legacy SSE on its way from the leader, which passes as it is, and what its client waits for, so that it can be told
 * when the leader goes: calls are posted to any replica, and the leader says in the stream which it has sent.
 */
export class WatchedStream implements AnswerRewrite {
  readonly #calls = new LegacyCalls({ readsSent: true });

  applies(status: number, headers: IncomingHttpHeaders): boolean {
    return status === 200 && headers["content-type"]?.startsWith("text/event-stream") === true;
  }

  chunk(chunk: Uint8Array): Uint8Array {
    this.#calls.passed(chunk);
    return chunk;
  }

  unanswered(): readonly RequestId[] {
    return this.#calls.unanswered();
  }
}

/** Whether a request to a server of legacy SSE opens a stream; else it posts for one, or its client speaks streamable HTTP. */
export function opensLegacyStream({ method = "", headers }: IncomingMessage): boolean {
  return method === "GET" && isLegacySse({ method, query: "", sessionId: headers["mcp-session-id"]?.toString() });
}
