import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { BackendCapabilities, BackendHealth } from "../backend.ts";
import type { DockerConfig } from "./docker-config.ts";
import { endpointProblem, type Problem } from "./endpoint-problem.ts";
import type { CallOptions, EngineClient } from "./engine/engine-client.ts";
import type { EngineFacts, EngineFactsSource } from "./engine/engine-facts.ts";
import { guardrailCapabilities } from "./guardrail-capabilities.ts";
import type { SupportWatch } from "./support-watch.ts";

/** Less than the period of the checks; an Engine under load answers within a second. */
const TIMEOUT_MS = 10_000;

/** What this backend makes of a spec today. */
const SOURCES = ["image"];

export interface HealthCheckParts {
  readonly engine: EngineClient;
  readonly facts: EngineFactsSource;
  readonly config: DockerConfig;
  readonly sandboxes: SupportWatch;
  readonly appArmorProfiles: () => Promise<readonly string[]>;
}

/** Asks an Engine how it is. An Engine that does not answer is an answer. @throws only what aborts the check. */
export async function checkHealth(parts: HealthCheckParts, signal: AbortSignal): Promise<BackendHealth> {
  const { engine, facts, config } = parts;
  try {
    const options = { signal, timeoutMs: TIMEOUT_MS };
    const { engine: version, api } = await engine.version(options);
    const known = await facts.refresh(options);
    const problem = endpointProblem(engine.address, config) ?? platformProblem(known);
    return {
      available: problem === undefined,
      reason: problem?.reason ?? "Available",
      message: problem?.message ?? `Docker Engine ${version} answers`,
      version: `${version} (API ${api})`,
      capabilities: await capabilitiesOf(known, parts, options),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    if (!(error instanceof TransientError || error instanceof TerminalError)) throw error;
    const reason = error instanceof TerminalError ? error.reason : Reason.BackendUnavailable;
    return { available: false, reason, message: error.message, version: undefined, capabilities: undefined };
  }
}

async function capabilitiesOf(
  engine: EngineFacts,
  { sandboxes, appArmorProfiles }: HealthCheckParts,
  options: CallOptions,
): Promise<BackendCapabilities> {
  const [sandbox, profiles] = await Promise.all([sandboxes.now(engine.kernel, options), appArmorProfiles()]);
  const { cpuLimits, memoryLimits, pidsLimits, seccomp, appArmor, cgroupVersion, rootless } = engine;
  return {
    isolation: "container",
    sources: SOURCES,
    cpuLimits,
    memoryLimits,
    pidsLimits,
    seccomp,
    appArmor,
    cgroupVersion,
    rootless,
    observability: "native",
    readOnlyFilesystem: true,
    customCapabilities: true,
    egressHostFiltering: sandbox.kind !== "unsupported",
    maxCpuMillis: 0,
    maxMemoryBytes: 0,
    maxTimeoutSeconds: 0,
    scaling: false,
    platformProbes: false,
    visibilities: [],
    guardrails: guardrailCapabilities({ engine, sandbox, appArmorProfiles: profiles }),
  };
}

function platformProblem({ operatingSystem }: EngineFacts): Problem | undefined {
  if (operatingSystem === "linux") return undefined;
  const message = `the Engine runs ${operatingSystem} containers; Slipway needs one for Linux containers`;
  return { reason: Reason.BackendUnavailable, message };
}
