import type { StdioEndpoint } from "../../../backends/workload-endpoint.ts";
import type { Clock } from "../../../machinery/clock.ts";
import type { BridgedServer } from "../../bridge/bridged-server.ts";
import type { HeldCall } from "../../bridge/era/held/held-call.ts";
import type { HeldCalls } from "../../bridge/era/held/held-calls.ts";
import { NoServer } from "../../bridge/no-server.ts";
import type { DropReason } from "../../bridge/stdio/multiplexer.ts";
import { lineChannel } from "../../bridge/stdio/server-channel.ts";
import { StdioServers } from "../../bridge/stdio/stdio-servers.ts";
import { offersOwn, openStream } from "../../streams/open-stream.ts";

export interface StdioServerOptions {
  /** The main thread's socket for streams; undefined: there are none to be had. */
  readonly socketPath: string | undefined;
  readonly clock: Clock;
  readonly held: HeldCalls<HeldCall>;
  readonly onDropped: (reason: DropReason) => void;
}

/** What servers are told of who connects. */
const CLIENT_INFO = { name: "slipway-gateway", version: "1" };
/** Processes that clients of one deployment may have for themselves. */
const OWN_PROCESSES = 64;
/** The main thread need only look it up. */
const OFFERS_TIMEOUT_MS = 5_000;

/** A server over standard input and output, by way of the main thread. @throws {NoServer} */
export async function stdioServer(
  { backend, id, sessionMode }: StdioEndpoint,
  { socketPath, clock, held, onDropped }: StdioServerOptions,
): Promise<BridgedServer> {
  if (socketPath === undefined) throw new NoServer("UpstreamUnreachable", "the gateway has no way to its process");
  const open = async (own: boolean, signal: AbortSignal) =>
    lineChannel(await openStream(socketPath, { backend, id, own }, signal));
  const hasOwn = await offersOwn(socketPath, backend, AbortSignal.timeout(OFFERS_TIMEOUT_MS)).catch(
    (cause: unknown) => {
      throw new NoServer("UpstreamUnreachable", "the gateway has no way to its process now", { cause });
    },
  );
  return new StdioServers({
    openShared: (signal) => open(false, signal),
    ...(hasOwn && { openOwn: (signal: AbortSignal) => open(true, signal) }),
    sessionMode,
    ownProcesses: OWN_PROCESSES,
    clientInfo: CLIENT_INFO,
    mayBeKnown: true,
    clock,
    held,
    onDropped,
  });
}
