import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { BackendCapabilities, BackendHealth } from "../backend.ts";
import type { DockerConfig } from "./docker-config.ts";
import { isLoopback } from "./engine/engine-address.ts";
import type { CallOptions, EngineClient } from "./engine/engine-client.ts";
import type { EngineFacts, EngineFactsSource } from "./engine/engine-facts.ts";
import { guardrailCapabilities } from "./guardrail-capabilities.ts";
import type { Sandboxes, SandboxSupport } from "./sandbox/sandbox.ts";
import { dialHost } from "./workloads/dial-host.ts";

/** Less than the period of the checks; an Engine under load answers within a second. */
const TIMEOUT_MS = 10_000;

/** What this backend makes of a spec today. */
const SOURCES = ["image"];

export interface HealthCheckParts {
  readonly engine: EngineClient;
  readonly facts: EngineFactsSource;
  readonly config: DockerConfig;
  readonly sandboxes: Pick<Sandboxes, "support">;
  readonly appArmorProfiles: () => Promise<readonly string[]>;
}

/** Asks an Engine how it is. An Engine that does not answer is an answer. @throws only what aborts the check. */
export async function checkHealth(parts: HealthCheckParts, signal: AbortSignal): Promise<BackendHealth> {
  const { engine, facts, config } = parts;
  try {
    const options = { signal, timeoutMs: TIMEOUT_MS };
    const { engine: version, api } = await engine.version(options);
    const known = await facts.refresh(options);
    const problem = endpointProblem(engine, config) ?? platformProblem(known);
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
  const [sandbox, profiles] = await Promise.all([supportNow(sandboxes, options), appArmorProfiles()]);
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
    guardrails: guardrailCapabilities({ engine, sandbox, appArmorProfiles: profiles }),
  };
}

/** What did not work is tried again at each check: somebody may have made the image, or loaded the kernel's module. */
async function supportNow(sandboxes: Pick<Sandboxes, "support">, options: CallOptions): Promise<SandboxSupport> {
  const known = await sandboxes.support(options);
  return known.kind === "supported" ? known : await sandboxes.support({ ...options, refresh: true });
}

interface Problem {
  readonly reason: string;
  readonly message: string;
}

/**
 * Ports on the loopback of another machine, or of the machine around a pod, are out of reach. What is bound beyond it is
 * reached from an address of this side's, and sandboxes take connections only from where they are told.
 */
function endpointProblem({ address }: EngineClient, { spec, sharesLoopback }: DockerConfig): Problem | undefined {
  if (sharesLoopback && (address.kind === "unix" || isLoopback(address.host))) return undefined;
  const { bindAddress, advertiseAddress, allowedSources = [] } = spec.publish;
  const machine = address.kind === "unix" ? "the Engine's machine" : address.host;
  if (!advertiseAddress && isLoopback(dialHost(spec.publish, address))) {
    return notReachable(
      `ports are published on ${bindAddress} of ${machine}, which cannot be reached from here; set spec.docker.publish.bindAddress to an address of that machine, advertiseAddress to the one by which it is known here, and allowedSources`,
    );
  }
  // What is bound to its loopback comes by a proxy of that machine, and so from where the Engine's own proxy does.
  if (isLoopback(bindAddress) || allowedSources.length > 0) return undefined;
  return notReachable(
    `restricted workloads take no connections from here; set spec.docker.publish.allowedSources to the addresses that this controller and its gateway have on the way to ${machine}`,
  );
}

function notReachable(message: string): Problem {
  return { reason: Reason.EndpointsNotReachable, message };
}

function platformProblem({ operatingSystem }: EngineFacts): Problem | undefined {
  if (operatingSystem === "linux") return undefined;
  const message = `the Engine runs ${operatingSystem} containers; Slipway needs one for Linux containers`;
  return { reason: Reason.BackendUnavailable, message };
}
