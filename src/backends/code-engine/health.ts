import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import type { BackendCapabilities, BackendHealth } from "../backend.ts";
import { API_VERSION } from "./client/collection.ts";
import { CPU_MEMORY_PAIRS } from "./client/rules/cpu-memory.ts";
import type { CodeEngineConfig } from "./code-engine-config.ts";
import { codeEngineGuardrails, type ManagedEgress } from "./guardrail-capabilities.ts";
import type { ProjectLink } from "./project-link.ts";
import { REQUEST_TIMEOUT_SECONDS } from "./workloads/app-template.ts";

const [LARGEST] = CPU_MEMORY_PAIRS.toReversed();

const CAPABILITIES: Omit<BackendCapabilities, "guardrails"> = {
  isolation: "platform",
  sources: ["image", "git"],
  cpuLimits: true,
  memoryLimits: true,
  pidsLimits: false,
  seccomp: false,
  appArmor: false,
  cgroupVersion: "",
  rootless: false,
  observability: "proxy",
  readOnlyFilesystem: false,
  customCapabilities: false,
  egressHostFiltering: false,
  maxCpuMillis: (LARGEST?.vcpu ?? 0) * 1000,
  maxMemoryBytes: LARGEST?.memoryBytes ?? 0,
  maxTimeoutSeconds: REQUEST_TIMEOUT_SECONDS,
  scaling: true,
  platformProbes: true,
  visibilities: ["public", "private", "project"],
};

/** Says how the project is. What Code Engine can do is known without asking it. @throws only what aborts the check. */
export async function checkHealth(
  link: ProjectLink,
  { spec, egress }: { readonly spec: CodeEngineConfig["spec"]; readonly egress: ManagedEgress | undefined },
  signal: AbortSignal,
): Promise<BackendHealth> {
  const capabilities = { ...CAPABILITIES, guardrails: codeEngineGuardrails(egress) };
  const about = { version: `v2 (${API_VERSION})`, capabilities };
  try {
    const { name, id } = await link.check(signal);
    const message = `the project ${name} (${id}) in ${spec.region} answers`;
    return { available: true, reason: "Available", message, ...about };
  } catch (error) {
    if (signal.aborted || !(error instanceof TransientError || error instanceof TerminalError)) throw error;
    const reason = error instanceof TerminalError ? error.reason : Reason.BackendUnavailable;
    return { available: false, reason, message: error.message, ...about };
  }
}
