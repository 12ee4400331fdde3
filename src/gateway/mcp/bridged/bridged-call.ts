import type { BridgedClient } from "../../bridge/bridged-server.ts";
import { NoServer } from "../../bridge/no-server.ts";
import { TooManySessions } from "../../bridge/session/sessions.ts";
import { type Failure, unavailable } from "../answers.ts";
import type { BridgedUpstream } from "./bridged-upstream.ts";
import type { Reply } from "./reply.ts";

/** One request of a client, as far as its wire does not matter. */
export interface BridgedCall {
  readonly upstream: BridgedUpstream;
  readonly client: BridgedClient;
  readonly reply: Reply;
}

/** What the client is told of a server that could not be had. */
export function failureOfServer(error: unknown): Failure {
  if (error instanceof NoServer) return unavailable(statusOf(error.reason), error.reason, error.message, 1);
  if (error instanceof TooManySessions) return unavailable(503, "TooManySessions", error.message, 5);
  throw error;
}

/** The server was replaced while it worked on this. */
export function replaced(reason: string): Failure {
  return unavailable(502, "UpstreamReplaced", reason, 1);
}

function statusOf(reason: string): number {
  return reason === "TooManySessions" ? 503 : 502;
}
