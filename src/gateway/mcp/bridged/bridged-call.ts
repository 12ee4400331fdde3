import type { BridgedClient } from "../../bridge/bridged-server.ts";
import { NoServer } from "../../bridge/no-server.ts";
import { TooManySessions } from "../../bridge/session/sessions.ts";
import { GreetingError } from "../../bridge/stdio/shared-server.ts";
import { StreamRefused } from "../../streams/open-stream.ts";
import { type Failure, unavailable } from "../answers.ts";
import type { BridgedUpstream } from "./bridged-upstream.ts";
import type { Reply } from "./reply.ts";

/** One request of a client, as far as its wire does not matter. */
export interface BridgedCall {
  readonly upstream: BridgedUpstream;
  readonly client: BridgedClient;
  readonly reply: Reply;
}

/** What the client is told of a server that could not be had; a probe is told more. */
export function failureOfServer(error: unknown, { isProbe }: Pick<BridgedClient, "isProbe">): Failure {
  if (error instanceof NoServer) {
    const message = isProbe ? (detailOf(error.cause) ?? error.message) : error.message;
    return unavailable(statusOf(error.reason), error.reason, message, 1);
  }
  if (error instanceof TooManySessions) return unavailable(503, "TooManySessions", error.message, 5);
  throw error;
}

/** In our own words, or in those of what runs the process: nothing that the server said. */
function detailOf(cause: unknown): string | undefined {
  return cause instanceof StreamRefused || cause instanceof GreetingError ? cause.message : undefined;
}

/** The server was replaced while it worked on this. */
export function replaced(reason: string): Failure {
  return unavailable(502, "UpstreamReplaced", reason, 1);
}

function statusOf(reason: string): number {
  return reason === "TooManySessions" ? 503 : 502;
}
