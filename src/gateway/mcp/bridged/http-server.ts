import type { HttpEndpoint } from "../../../backends/workload-endpoint.ts";
import type { Clock } from "../../../machinery/clock.ts";
import type { HeldCall } from "../../bridge/era/held/held-call.ts";
import type { HeldCalls } from "../../bridge/era/held/held-calls.ts";
import { HttpServers } from "../../bridge/http/http-servers.ts";
import type { DropReason } from "../../bridge/stdio/multiplexer.ts";
import { upstreamRequest } from "../upstream-request.ts";
import { loadPools } from "../upstreams.ts";

export interface HttpServerOptions {
  readonly clock: Clock;
  /** This gateway, as Via names it. */
  readonly via: string;
  readonly held: HeldCalls<HeldCall>;
  readonly onDropped: (reason: DropReason) => void;
  /** What a probe that speaks both eras agreed on with the server. */
  readonly protocolVersion?: string | undefined;
}

/** What servers are told of who connects. */
const CLIENT_INFO = { name: "slipway-gateway", version: "1" };
/** For the ends of sessions, which nobody waits for. */
const DRAIN_MS = 5_000;

/** A server that listens, for clients that do not speak as it does: with connections of its own, which end with it. */
export async function httpServer(
  endpoint: HttpEndpoint,
  { clock, via, held, onDropped, protocolVersion }: HttpServerOptions,
): Promise<HttpServers> {
  const { UpstreamPool } = await loadPools();
  const { url, transport, allowedCidrs } = endpoint;
  const pool = new UpstreamPool({ origin: new URL(url).origin, ...(allowedCidrs && { allowedCidrs }) }, clock);
  return new HttpServers({
    ...{ clock, clientInfo: CLIENT_INFO, transport, url, held, onDropped, protocolVersion },
    requestAs: (authorization) => upstreamRequest({ pool, endpoint, via, authorization }),
    onClosed: (reason) => pool.retire(DRAIN_MS, reason),
  });
}
