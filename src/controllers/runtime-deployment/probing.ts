import { formatKey, type ObjectKey, parseKey } from "../../api/meta.ts";
import type { Workload } from "../../backends/backend.ts";
import type { Upkeep } from "../../effective-spec/upkeep.ts";
import type { Prober, ProbeTarget } from "../../probe/prober.ts";
import { instanceOf, isProbed } from "./scope.ts";

type Role = Workload["role"];

const CANDIDATE = "#candidate";

/** The name under which the prober knows a deployment's workload. `#` occurs in no name of Kubernetes. */
export function probeKey(key: ObjectKey, role: Role): string {
  return role === "candidate" ? `${formatKey(key)}${CANDIDATE}` : formatKey(key);
}

/** The deployment that a verdict speaks of. */
export function deploymentOf(probe: string): ObjectKey {
  return parseKey(probe.endsWith(CANDIDATE) ? probe.slice(0, -CANDIDATE.length) : probe);
}

/** What to ask of a workload; undefined where nothing is asked. */
export function probeTarget(
  workload: Pick<Workload, "id" | "startedAt" | "address" | "secure">,
  spec: Upkeep,
): ProbeTarget | undefined {
  const { health, transport } = spec;
  const { address } = workload;
  const origin = originOf(workload);
  if (address === undefined || origin === undefined) return undefined;
  const { periodMs, timeoutMs, failureThreshold } = health;
  const schedule = { instance: instanceOf(workload), periodMs, timeoutMs, failureThreshold };
  switch (health.probe) {
    case "mcp":
      return {
        ...schedule,
        probe: { kind: "mcp", transport: transport.type, url: `${origin}${transport.path}` },
      };
    case "http":
      return { ...schedule, probe: { kind: "http", url: `${origin}${health.path}` } };
    case "tcp": {
      const at = address.lastIndexOf(":");
      const host = address.slice(0, at).replace(/^\[|\]$/g, "");
      return { ...schedule, probe: { kind: "tcp", host, port: Number(address.slice(at + 1)) } };
    }
    case "none":
      return undefined;
    default:
      return health.probe satisfies never;
  }
}

/** Scheme, host and port of a workload's endpoint; undefined where it has none. */
export function originOf({ address, secure }: Pick<Workload, "address" | "secure">): string | undefined {
  // A port that is the scheme's own is left out.
  return address === undefined ? undefined : new URL(`${secure ? "https" : "http"}://${address}`).origin;
}

/** Probes what runs, and leaves alone what does not. A workload without an address for a moment keeps its probes. */
export function follow(prober: Prober, key: ObjectKey, workload: Workload | undefined, spec: Upkeep, role: Role): void {
  const name = probeKey(key, role);
  if (workload?.state.kind !== "running" || !isProbed(workload, spec)) {
    prober.forget(name);
    return;
  }
  const target = probeTarget(workload, spec);
  if (target) prober.watch(name, target);
}
