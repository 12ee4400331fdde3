/** The fields of a profile that a backend enforces, in the order in which people are shown them. */
export const GUARDRAIL_FIELDS = [
  "network.egressAllowed",
  "network.allowedHosts",
  "network.ingressPorts",
  "filesystem.readOnlyRoot",
  "filesystem.allowedMounts",
  "capabilities.dropAll",
  "capabilities.add",
  "resources.maxCpu",
  "resources.maxMemory",
  "resources.maxPids",
  "seccomp",
  "appArmor",
  "runAsNonRoot",
] as const;

export type GuardrailField = (typeof GUARDRAIL_FIELDS)[number];
