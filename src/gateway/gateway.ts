import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import type { GatewayAccess } from "./access.ts";
import type { Directory } from "./directory.ts";
import { createHandler } from "./handler.ts";
import { type HttpListener, startHttpListener } from "./http-listener.ts";
import type { LogProvider } from "./log-provider.ts";
import type { DataPathStats } from "./mcp/data-path.ts";
import type { UseAccess } from "./mcp/use-access.ts";
import type { Replicas } from "./replicas/leader.ts";
import type { StdioStreams } from "./stdio-streams.ts";
import { startStreamServer } from "./streams/stream-server.ts";
import type { DrainControl } from "./thread/drain-requests.ts";
import { startDataPathThread } from "./thread/start-thread.ts";
import type { UsageProvider } from "./usage-provider.ts";

export interface GatewayOptions {
  /** Port 0: any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** What clients reach the gateway by, where something stands in front of it. Its host is one of `names`. */
  readonly publicUrl?: string;
  /** Names beside the host and loopback that clients use for this gateway. */
  readonly names?: readonly string[];
  /** Origins whose pages may use the servers, such as `http://localhost:6274`. */
  readonly origins?: readonly string[];
  /** Whether callers of MCP servers show a token. Default: unless only this machine can reach the listener. */
  readonly requireToken?: boolean;
  readonly directory: Directory;
  /** Of servers that are spoken to over standard input and output; undefined: there are none. */
  readonly streams?: StdioStreams;
  /** The others of this gateway; undefined: there are none. What needs the leader is passed on to it. */
  readonly replicas?: Replicas;
  readonly logs: LogProvider;
  readonly usage: UsageProvider;
  readonly access: GatewayAccess;
  readonly useAccess: UseAccess;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Gateway extends HttpListener, DrainControl {
  /** Unix socket where MCP is spoken to any endpoint, for probes. Only this user opens it. */
  readonly probeSocket: string;
  /** Undefined where the data path does not tell in time. */
  stats(): Promise<DataPathStats | undefined>;
}

/** A host that only this machine reaches. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

/**
 * Starts the gateway's listener: MCP servers at `/NS/NAME/mcp`, the list of them at `/`, and at
 * `/-/namespaces/NS/runtimedeployments/NAME/log` and `…/usage` what the Kubernetes API has no place for. MCP's bytes pass
 * through a thread of their own, which hands on what stands at `/-/` over a socket that only this user opens.
 * @throws {Error} when the address cannot be listened on.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { listen, publicUrl, logs, usage, access, logger } = options;
  const names = [...(options.names ?? []), ...(publicUrl === undefined ? [] : [hostOf(publicUrl)])];
  const requireToken = options.requireToken ?? !LOOPBACK.test(listen.host);
  if (!requireToken && !LOOPBACK.test(listen.host)) {
    logger.warn("whoever reaches the gateway may use every MCP server: no token is asked for", { host: listen.host });
  }
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "slipway-gateway-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const stopping = new AbortController();
  const handler = createHandler({
    ...{ logs, usage, access, logger, names, replicas: options.replicas },
    ...{ host: listen.host, stopping: stopping.signal },
  });
  const adminSocket = join(folder, "admin.sock");
  const admin = await startHttpListener({ listen: { socketPath: adminSocket }, handler, logger });
  stack.defer(() => admin.close());
  const streamsSocket = join(folder, "streams.sock");
  if (options.streams) {
    const streams = await startStreamServer({ socketPath: streamsSocket, streams: options.streams, logger });
    stack.defer(() => streams.close());
  }
  const probeSocket = join(folder, "probes.sock");
  const thread = await startDataPathThread({
    listen,
    names,
    origins: options.origins ?? [],
    publicUrl: publicUrl?.replace(/\/$/, ""),
    requireToken,
    adminSocket,
    streamsSocket: options.streams && streamsSocket,
    probeSocket,
    directory: options.directory,
    access: options.useAccess,
    replicas: options.replicas,
    clock: options.clock,
    logger,
  });
  stack.defer(() => thread.close());
  // Ends the logs that are followed, so that nothing waits for them.
  stack.defer(() => stopping.abort());
  const parts = stack.move();
  return {
    url: thread.url,
    probeSocket,
    stats: () => thread.stats(),
    drain: (key, isReplaced) => thread.drain(key, isReplaced),
    resume: (key) => thread.resume(key),
    close: () => parts.disposeAsync(),
  };
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}
