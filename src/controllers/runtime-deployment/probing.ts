import { formatKey, type ObjectKey, parseKey } from "../../api/meta.ts";
import type { Workload } from "../../backends/backend.ts";
import { instanceOf } from "../../backends/workload-endpoint.ts";
import type { Upkeep } from "../../effective-spec/upkeep.ts";
import type { Prober, ProbeTarget } from "../../probe/prober.ts";
import { endpointOf } from "./endpoint.ts";
import { originOf } from "./origin.ts";
import { isProbed } from "./scope.ts";

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
  workload: Pick<Workload, "id" | "startedAt" | "address" | "secure" | "reach">,
  spec: Upkeep,
  backend: string,
): ProbeTarget | undefined {
  const { health, transport } = spec;
  const { address, reach } = workload;
  if (reach && health.probe === "mcp") {
    const { periodMs, timeoutMs, failureThreshold } = health;
    const endpoint = endpointOf(workload, { transport, backend });
    return (
      endpoint && {
        instance: endpoint.instance,
        periodMs,
        timeoutMs,
        failureThreshold,
        probe: { kind: "endpoint", endpoint },
      }
    );
  }
  const origin = originOf(workload);
  if (address === undefined || origin === undefined) return undefined;
  const { periodMs, timeoutMs, failureThreshold } = health;
  const schedule = { instance: instanceOf(workload), periodMs, timeoutMs, failureThreshold };
  switch (health.probe) {
    case "mcp":
      // Has `reach`.
      if (transport.type === "stdio") return undefined;
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

/** Probes what runs, and leaves alone what does not. A workload without an address for a moment keeps its probes. */
export function follow(
  prober: Prober,
  key: ObjectKey,
  workload: Workload | undefined,
  spec: Upkeep,
  { role, backend }: { readonly role: Role; readonly backend: string },
): void {
  const name = probeKey(key, role);
  if (workload?.state.kind !== "running" || !isProbed(workload, spec)) {
    prober.forget(name);
    return;
  }
  const target = probeTarget(workload, spec, backend);
  if (target) prober.watch(name, target);
}
