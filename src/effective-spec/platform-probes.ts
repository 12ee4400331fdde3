import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { BackendCapabilities } from "../backends/backend.ts";
import { type PlatformProbe, STANDARD_READINESS } from "../backends/platform-probe.ts";
import { canonicalJson } from "./canonical-json.ts";

/** How the place itself asks the server's instances, as far as it does. */
export interface PlatformProbes {
  readonly readiness?: PlatformProbe | undefined;
  readonly liveness?: PlatformProbe | undefined;
}

interface ProbingBackend {
  readonly name: string;
  readonly reach?: Pick<BackendCapabilities, "platformProbes"> | undefined;
}

type Health = RuntimeDeploymentSpec["health"];

/** Most that Code Engine takes. */
const MOST_FAILURES = 10;

/**
 * Pure. What `spec.health` asks of the place itself; where that asks nothing, `probeNotes` say so for people. A place knows
 * no MCP: for it a server works that listens, unless the spec says how it tells by http.
 */
export function choosePlatformProbes(
  health: Health,
  transport: { readonly path: string },
  backend: ProbingBackend,
): PlatformProbes & { readonly probeNotes: readonly string[] } {
  const { liveness } = health;
  const { platformProbes = false } = backend.reach ?? {};
  if (platformProbes) {
    const path = health.path ?? transport.path;
    return { readiness: readinessOf(health, path), liveness: liveness && livenessOf(liveness, path), probeNotes: [] };
  }
  const note = `spec.health.liveness has no effect on RuntimeBackend "${backend.name}", which starts again only what has ended`;
  return { readiness: undefined, liveness: undefined, probeNotes: liveness && backend.reach ? [note] : [] };
}

/**
 * While a revision comes up it is asked at least as often as by itself, so that it takes over soon: `periodSeconds` is meant
 * for a server that works, which the controller asks. A connection is made at once or not at all; an answer takes longer.
 */
function readinessOf(health: Health, path: string): PlatformProbe | undefined {
  const { probe, periodSeconds, timeoutSeconds, failureThreshold } = health;
  const readiness: PlatformProbe = {
    ...STANDARD_READINESS,
    ...(probe === "http" && { kind: "http", path }),
    periodSeconds: Math.min(periodSeconds, STANDARD_READINESS.periodSeconds),
    timeoutSeconds: probe === "http" ? timeoutSeconds : Math.min(timeoutSeconds, STANDARD_READINESS.timeoutSeconds),
    failureThreshold: Math.min(failureThreshold, MOST_FAILURES),
  };
  return canonicalJson(readiness) === canonicalJson(STANDARD_READINESS) ? undefined : readiness;
}

function livenessOf(liveness: NonNullable<Health["liveness"]>, standardPath: string): PlatformProbe {
  const { probe, path = standardPath, periodSeconds, timeoutSeconds, failureThreshold, initialDelaySeconds } = liveness;
  const asked = { periodSeconds, timeoutSeconds, failureThreshold, initialDelaySeconds };
  return { kind: probe, path: probe === "http" ? path : undefined, ...asked };
}
