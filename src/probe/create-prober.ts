import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import { Metrics } from "../machinery/metrics.ts";
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
}

/**
 * The prober of real endpoints. Loads the MCP SDK with the first server that it greets. Holds no process from its end,
 * except for the SDK's own timer during a greeting, which lasts no longer than the probe; disposing ends that too.
 */
export function createProber({ clock, logger, concurrency = 64, metrics = new Metrics() }: ProberOptions): Prober {
  const probes = metrics.counter("slipway_probes_total", "Probes that were finished, by outcome.");
  const seconds = metrics.histogram("slipway_probe_duration_seconds", "Time that a probe took.");
  const prober = new ScheduledProber({
    ...{ clock, logger, concurrency, makeProbe, random: Math.random },
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

function makeProbe(what: ProbeTarget["probe"]): Probe {
  switch (what.kind) {
    case "mcp":
      return what.transport === "sse" ? new SseProbe(what.url) : new StreamableHttpProbe(what.url);
    case "endpoint":
      throw new Error("there is no gateway to probe by");
    case "http":
      return new HttpProbe(what.url);
    case "tcp":
      return new TcpProbe(what.host, what.port);
    default:
      return what satisfies never;
  }
}
