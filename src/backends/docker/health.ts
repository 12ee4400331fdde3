import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { BackendHealth } from "../backend.ts";
import type { DockerConfig } from "./docker-config.ts";
import { isLoopback } from "./engine/engine-address.ts";
import type { EngineClient } from "./engine/engine-client.ts";
import type { EngineFacts, EngineFactsSource } from "./engine/engine-facts.ts";

/** Less than the period of the checks; an Engine under load answers within a second. */
const TIMEOUT_MS = 10_000;

/** What this backend makes of a spec today. */
const SOURCES = ["image"];

/** Asks an Engine how it is. An Engine that does not answer is an answer. @throws only what aborts the check. */
export async function checkHealth(
  { engine, facts, config }: { engine: EngineClient; facts: EngineFactsSource; config: DockerConfig },
  signal: AbortSignal,
): Promise<BackendHealth> {
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
      capabilities: capabilitiesOf(known),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    if (!(error instanceof TransientError || error instanceof TerminalError)) throw error;
    const reason = error instanceof TerminalError ? error.reason : Reason.BackendUnavailable;
    return { available: false, reason, message: error.message, version: undefined, capabilities: undefined };
  }
}

function capabilitiesOf(facts: EngineFacts): NonNullable<BackendHealth["capabilities"]> {
  const { cpuLimits, memoryLimits, pidsLimits, seccomp, appArmor, cgroupVersion, rootless } = facts;
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
  };
}

interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** Ports on the loopback of another machine are out of reach. */
function endpointProblem(engine: EngineClient, { spec }: DockerConfig): Problem | undefined {
  const { address } = engine;
  const { bindAddress, advertiseAddress } = spec.publish;
  if (address.kind === "unix" || isLoopback(address.host) || advertiseAddress || !isLoopback(bindAddress))
    return undefined;
  return {
    reason: Reason.EndpointsNotReachable,
    message: `ports are published on ${bindAddress} of ${address.host}, which cannot be reached from here; set spec.docker.publish.bindAddress to an address of that machine, and advertiseAddress if it is known here by another`,
  };
}

function platformProblem({ operatingSystem }: EngineFacts): Problem | undefined {
  if (operatingSystem === "linux") return undefined;
  const message = `the Engine runs ${operatingSystem} containers; Slipway needs one for Linux containers`;
  return { reason: Reason.BackendUnavailable, message };
}
