import type { WorkloadEndpoint } from "../backends/workload-endpoint.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import { Metrics } from "../machinery/metrics.ts";
import type { Tracer } from "../machinery/tracer.ts";
import { HttpProbe } from "./http-probe.ts";
import type { Probe } from "./probe.ts";
import type { Prober, ProbeTarget } from "./prober.ts";
import { ScheduledProber } from "./scheduled-prober.ts";
import { SseProbe } from "./sse-probe.ts";
import { StreamableHttpProbe } from "./streamable-http-probe.ts";
import { TcpProbe } from "./tcp-probe.ts";

export interface ProberOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Probes under way at once. Each may hold a few MiB of a foreign answer. Default 64. */
  readonly concurrency?: number;
  readonly metrics?: Metrics;
  readonly tracer?: Tracer;
  /** Where the gateway takes probes of what only it can speak to. Asked when such a probe is made. */
  readonly gateway?: () => { readonly socketPath: string };
  /** How endpoints are asked; else over the network. */
  readonly makeProbe?: (what: ProbeTarget["probe"]) => Probe;
}

/**
 * The prober of real endpoints. Loads the MCP SDK with the first server that it greets. Holds no process from its end,
 * except for the SDK's own timer during a greeting, which lasts no longer than the probe; disposing ends that too.
 */
export function createProber({
  gateway,
  makeProbe = (what) => probeOverNetwork(what, gateway),
  ...options
}: ProberOptions): Prober {
  const { clock, logger, concurrency = 64, metrics = new Metrics() } = options;
  const probes = metrics.counter("slipway_probes_total", "Probes that were finished, by outcome.");
  const seconds = metrics.histogram("slipway_probe_duration_seconds", "Time that a probe took.");
  const prober = new ScheduledProber({
    ...{ clock, logger, concurrency, random: Math.random, tracer: options.tracer },
    makeProbe,
    onProbe(outcome, durationMs) {
      probes.inc({ outcome: outcome.kind === "answered" ? "Answered" : outcome.failure.reason });
      seconds.observe(durationMs / 1_000);
    },
  });
  metrics.gauge("slipway_probe_targets", "Endpoints that are probed, by verdict.", () =>
    Object.entries(prober.counts()).map(([verdict, value]) => ({ labels: { verdict }, value })),
  );
  return prober;
}

function probeOverNetwork(what: ProbeTarget["probe"], gateway: ProberOptions["gateway"]): Probe {
  switch (what.kind) {
    case "mcp":
      return what.transport === "sse" ? new SseProbe(what.url) : new StreamableHttpProbe(what.url);
    case "endpoint":
      return probeOf(what.endpoint, gateway);
    case "http":
      return new HttpProbe(what.url);
    case "tcp":
      return new TcpProbe(what.host, what.port);
    default:
      return what satisfies never;
  }
}

/** By way of the gateway, which knows the endpoint by a header. */
function probeOf(endpoint: WorkloadEndpoint, gateway: ProberOptions["gateway"]): Probe {
  if (gateway === undefined) throw new Error("there is no gateway to probe by");
  const { socketPath } = gateway();
  const header = Buffer.from(JSON.stringify(endpoint)).toString("base64url");
  const way = { socketPath, headers: { "slipway-endpoint": header } };
  const isLegacy = endpoint.kind === "http" && endpoint.transport === "sse";
  return isLegacy ? new SseProbe(GATEWAY_URL, way) : new StreamableHttpProbe(GATEWAY_URL, way);
}

/** Names nothing: the socket is dialled, and the header says what is probed. */
const GATEWAY_URL = "http://gateway/mcp";
