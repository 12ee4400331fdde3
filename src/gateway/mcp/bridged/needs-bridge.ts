import type { HttpEndpoint } from "../../../backends/workload-endpoint.ts";
import type { Eras } from "../../bridge/bridged-server.ts";
import { namesStateless } from "./client-era.ts";

/** A request, as far as it says how its client speaks. */
export interface SpokenRequest {
  readonly method: string;
  /** With its question mark; empty where there is none. */
  readonly query: string;
  readonly protocolVersion: string | undefined;
  readonly sessionId: string | undefined;
}

/**
 * Whether a client of a server that listens does not speak as it does. One that does is passed through: nothing is lost, and
 * nothing is read. `eras` is asked only where the answer hangs on it.
 */
export async function needsBridge(
  asked: SpokenRequest,
  transport: HttpEndpoint["transport"],
  eras: () => Promise<Eras>,
): Promise<boolean> {
  const isStateless = namesStateless(asked.protocolVersion);
  if (transport === "sse") return isStateless || !isLegacySse(asked);
  const { stateless, sessions } = await eras();
  return isStateless ? !stateless : !sessions;
}

/** The stream of the transport of revision 2024-11-05, and what is posted for it: all else is streamable HTTP. */
export function isLegacySse({ method, query, sessionId }: Omit<SpokenRequest, "protocolVersion">): boolean {
  if (method === "GET") return sessionId === undefined;
  return method === "POST" && query.length > 1;
}
