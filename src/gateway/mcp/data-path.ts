import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Tracer } from "../../machinery/tracer.ts";
import type { Directory, EndpointKey } from "../directory.ts";
import { Drains } from "../drains.ts";
import type { ForwardedCounts } from "../replicas/forwarding.ts";
import type { Leader } from "../replicas/leader.ts";
import { Replica } from "../replicas/replica.ts";
import { Bridging, type BridgingStats } from "./bridged/bridging.ts";
import { CallLimits } from "./call-limits.ts";
import { type DeploymentCount, DeploymentCounts } from "./deployment-counts.ts";
import type { Outcome } from "./exchange.ts";
import { Gate } from "./gate.ts";
import { LegacySessions } from "./legacy-sessions.ts";
import { McpHandler } from "./mcp-handler.ts";
import { ProbeHandler } from "./probe-handler.ts";
import { startProbeListener } from "./probe-listener.ts";
import { type RequestListener, tracedRequests } from "./traced-requests.ts";
import type { UpstreamPool } from "./upstream-pool.ts";
import { loadPools, Upstreams } from "./upstreams.ts";
import type { UseAccess } from "./use-access.ts";

/** What crosses into the thread of the data path. */
export interface DataPathSettings {
  /** Port 0: any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Names beside the host and loopback that clients use for this gateway. */
  readonly names: readonly string[];
  /** Origins whose pages may use the servers, beside the gateway's own. */
  readonly origins: readonly string[];
  /** What clients reach the gateway by; undefined: by what their Host header says. */
  readonly publicUrl: string | undefined;
  /** Whether callers show a token; else anybody may use everything. */
  readonly requireToken: boolean;
  /** Unix socket of what stands at `/-/`; undefined: nothing does. */
  readonly adminSocket: string | undefined;
  /** Unix socket where streams of processes are to be had; undefined: none are. */
  readonly streamsSocket: string | undefined;
  /** Unix socket to listen on for probes; undefined: none come. */
  readonly probeSocket: string | undefined;
  /** Whether other replicas may be there; this one leads once it is told so. Default: it is alone. */
  readonly isReplica?: boolean;
}

export interface DataPathOptions extends DataPathSettings {
  readonly directory: Directory;
  readonly access: UseAccess;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Undefined: nothing is traced. */
  readonly tracer?: Tracer | undefined;
}

/** Since the start, but for what is open now. */
export interface DataPathStats extends BridgingStats {
  /** The client had the whole answer of a server. */
  readonly answered: number;
  /** The client left before. */
  readonly gone: number;
  /** A server did not answer, or not to the end. */
  readonly failed: number;
  /** The gateway answered itself. */
  readonly refused: number;
  /** Requests by deployment, of those that there are now. */
  readonly deployments: readonly DeploymentCount[];
  /** Calls and streams that are open now. */
  readonly open: number;
  /** Requests that were for the replica that leads; undefined where this one is alone. Of the other counts only `refused` has them, too. */
  readonly forwarded: ForwardedCounts | undefined;
}

export interface DataPath {
  /** `http://host:port`, with the port that was taken. */
  readonly url: string;
  stats(): DataPathStats;
  /** As `Drains.begin`. */
  drain(key: EndpointKey, isReplaced: boolean, over: () => void): number;
  /** Who leads, where there are replicas. */
  follow(leader: Leader): void;
  /** As `Drains.end`. */
  resume(key: EndpointKey): void;
  /** Takes no more, ends streams that wait for nothing, lets calls end for a while, then cuts them. */
  close(): Promise<void>;
}

/** A client may take this long to send its headers, and its whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Above the idle time of common clients and proxies (60 s), so that they close first and no request meets a closed door. */
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const CONNECTIONS = 8_192;
/** Calls under way when it closes have this long to end. */
const DRAIN_MS = 5_000;
const CLOSE_IDLE_MS = 50;
const CALLS = { perCaller: 1_024, inAll: 4_096 };
/** Against a client that runs wild; a person's clients are far below. */
const RATE = { perSecond: 1_000, burst: 2_000 };

/** Listens, and passes on what comes for MCP servers. @throws {Error} when the address cannot be listened on. */
export async function startDataPath(options: DataPathOptions): Promise<DataPath> {
  const { listen, directory, clock, logger, adminSocket, requireToken } = options;
  const counts = { answered: 0, gone: 0, failed: 0, refused: 0 };
  const upstreams = new Upstreams(directory, clock);
  const onOutcome = (outcome: Outcome | "refused") => {
    counts[outcome] += 1;
  };
  const bridging = new Bridging({ directory, streamsSocket: options.streamsSocket, clock });
  const deploymentCounts = new DeploymentCounts(directory);
  const replica = options.isReplica ? new Replica({ directory, clock, maxBodyBytes: MAX_BODY_BYTES }) : undefined;
  const drains = new Drains({
    directory,
    clock,
    underWay: (key) => [upstreams.at(key), bridging.at(key), replica?.at(key)].filter((each) => each !== undefined),
  });
  let admin: Promise<UpstreamPool> | undefined;
  const adminPool = (socketPath: string) =>
    loadPools().then(({ UpstreamPool }) => new UpstreamPool({ origin: "http://gateway", socketPath }, clock));
  // Where there are no users, one client's rate would be everybody's.
  const limits = new CallLimits(requireToken ? { ...CALLS, rate: RATE } : { ...CALLS, perCaller: CALLS.inAll }, clock);
  const handler = new McpHandler({
    directory,
    upstreams,
    bridged: bridging.handler(onOutcome),
    replica,
    drains,
    deploymentCounts,
    sessions: new LegacySessions(),
    gate: requireToken ? new Gate(options.access, { clock, logger }) : undefined,
    limits,
    admin: adminSocket === undefined ? undefined : () => (admin ??= adminPool(adminSocket)),
    host: listen.host,
    names: options.names,
    origins: options.origins,
    publicUrl: options.publicUrl,
    maxBodyBytes: MAX_BODY_BYTES,
    clock,
    logger,
    onOutcome,
  });
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, keepAlive: true, keepAliveInitialDelay: 30_000 });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = CONNECTIONS;
  /** Connections without a request so far, which Node does not count among the idle. */
  const unused = new Set<Socket>();
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  const untraced: RequestListener = (request, response) => handler.handle(request, response);
  const serve = options.tracer ? tracedRequests(options.tracer, directory, untraced) : untraced;
  for (const event of ["request", "checkContinue"] as const) {
    server.on(event, (request, response) => {
      unused.delete(request.socket);
      void serve(request, response);
    });
  }
  await listening(server, listen);
  // Such as no file descriptor left for a connection; the next may have one.
  server.on("error", (error) => logger.warn("the gateway's listener had an error", { error: error.message }));
  const probeHandler = new ProbeHandler({ bridged: bridging.handler(() => undefined), clock, logger });
  const stopProbes =
    options.probeSocket === undefined
      ? undefined
      : await startProbeListener({ socketPath: options.probeSocket, handler: probeHandler, logger });
  return {
    url: urlOf(server, listen.host),
    stats: () => ({
      ...counts,
      deployments: deploymentCounts.list(),
      open: limits.open,
      forwarded: replica?.counts,
      ...bridging.stats,
    }),
    follow: (leader) => replica?.receive(leader),
    drain(key, isReplaced, over) {
      replica?.draining(key);
      return drains.begin(key, isReplaced, over);
    },
    resume: (key) => drains.end(key),
    async close() {
      drains[Symbol.dispose]();
      deploymentCounts.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Connections that become idle later are closed by nobody else.
      for (const socket of unused) socket.destroy();
      const closing = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS);
      upstreams.cut("the gateway is stopping", "calls");
      bridging.cut("the gateway is stopping", "calls");
      replica?.cut("the gateway is stopping", "calls");
      const cancel = clock.schedule(DRAIN_MS, () => {
        upstreams.cut("the gateway is stopping", "nothing");
        bridging.cut("the gateway is stopping", "nothing");
        replica?.cut("the gateway is stopping", "nothing");
        void admin?.then((pool) => pool.cut("the gateway is stopping"));
        setImmediate(() => server.closeAllConnections());
      });
      await closed;
      clearInterval(closing);
      cancel();
      await stopProbes?.();
      await bridging.close("the gateway is stopping");
      await upstreams[Symbol.asyncDispose]();
      await replica?.[Symbol.asyncDispose]();
      await (await admin)?.destroy();
    },
  };
}

function listening(server: Server, { host, port }: DataPathSettings["listen"]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
