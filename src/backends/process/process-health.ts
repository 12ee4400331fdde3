import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { BackendCapabilities, BackendHealth } from "../backend.ts";
import { guardrailCapabilities } from "./guardrail-capabilities.ts";
import type { ProcessHost } from "./process-host.ts";

/** What this backend makes of a spec. */
const SOURCES = ["package", "process"];

/** Whether processes can be kept on this machine, and what confines them. */
export async function processHealth(host: ProcessHost): Promise<BackendHealth> {
  if (process.platform !== "linux") {
    const message = `local processes are kept by Linux's procfs; this is ${process.platform}`;
    return unavailable(message);
  }
  try {
    // What an earlier Slipway left is taken over now, and not only when its deployment is looked at.
    await host.openExisting();
  } catch (error) {
    return unavailable(`what is kept of processes cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  const [support, tools] = await Promise.all([host.sandbox.support(), host.tools()]);
  const noSandbox = support.kind === "works" ? undefined : support.reason;
  const confined = noSandbox === undefined ? "bubblewrap confines them" : `nothing confines them: ${noSandbox}`;
  const capabilities: BackendCapabilities = {
    isolation: "process",
    sources: SOURCES,
    cpuLimits: false,
    memoryLimits: false,
    pidsLimits: tools.limitsProcesses,
    seccomp: false,
    appArmor: false,
    cgroupVersion: "",
    rootless: !host.ownUsers,
    observability: "native",
    readOnlyFilesystem: noSandbox === undefined,
    customCapabilities: false,
    egressHostFiltering: false,
    maxCpuMillis: 0,
    maxMemoryBytes: 0,
    maxTimeoutSeconds: 0,
    scaling: false,
    platformProbes: false,
    visibilities: [],
    guardrails: guardrailCapabilities({ noSandbox, ownUsers: host.ownUsers, ...tools }),
  };
  return {
    available: true,
    reason: "Available",
    message: `processes of this machine can be run; ${confined}`,
    version: `Node ${process.versions.node}`,
    capabilities,
  };
}

function unavailable(message: string): BackendHealth {
  return { available: false, reason: Reason.BackendUnavailable, message, version: undefined, capabilities: undefined };
}
