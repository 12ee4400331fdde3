import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { isLegacySse } from "../mcp/bridged/needs-bridge.ts";
import { EndpointEvent } from "../mcp/endpoint-event.ts";
import type { AnswerRewrite } from "../mcp/exchange.ts";
import type { RequestId } from "../mcp/json-rpc.ts";
import { LegacyCalls } from "../mcp/legacy-calls.ts";

const PARAMETER = "sessionId";

/**
 * Streams of legacy SSE on their way from the leader, and what their clients wait for, so that they can be told when it goes:
 * calls are posted, and answered on the stream. A call that was posted to another replica than has the stream is not known.
 */
export class LegacyStreams {
  readonly #open = new Map<string, LegacyCalls>();

  /** One stream, which passes as it is. */
  watch(): WatchedStream {
    let id: string | undefined;
    const calls = new LegacyCalls();
    const event = new EndpointEvent((endpoint) => {
      id = sessionIn(endpoint);
      if (id !== undefined) this.#open.set(id, calls);
      return endpoint;
    });
    return {
      applies: (status: number, headers: IncomingHttpHeaders) => event.applies(status, headers),
      chunk(chunk) {
        calls.passed(chunk);
        return event.chunk(chunk);
      },
      unanswered: () => calls.unanswered(),
      close: () => void (id !== undefined && this.#open.delete(id)),
    };
  }

  /** What was posted to that target, for the stream that it names. */
  sent(target: string, ids: readonly RequestId[]): void {
    this.#open.get(sessionIn(target) ?? "")?.sent(ids);
  }
}

export interface WatchedStream extends AnswerRewrite {
  unanswered(): readonly RequestId[];
  /** It has ended. */
  close(): void;
}

function sessionIn(target: string): string | undefined {
  return URL.parse(target, "http://gateway")?.searchParams.get(PARAMETER) ?? undefined;
}

/** Whether a request to a server of legacy SSE opens a stream, or posts for one; else its client speaks streamable HTTP. */
export function isOfLegacyStream({ method = "", url = "", headers }: IncomingMessage): boolean {
  const mark = url.indexOf("?");
  const query = mark === -1 ? "" : url.slice(mark);
  return isLegacySse({ method, query, sessionId: headers["mcp-session-id"]?.toString() });
}
