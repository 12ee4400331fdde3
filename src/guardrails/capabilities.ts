/** How far a backend keeps a guardrail. `Partial` and `NotEnforced` say in `reason` what is left open. */
export interface Support {
  readonly enforcement: "Enforced" | "Partial" | "NotEnforced";
  /** How it is enforced, or why not; one sentence for people. */
  readonly reason: string;
}

/**
 * Everything that a profile can ask of a backend, finer than its fields: a backend may close all egress and yet know no host
 * names. Also the keys of `status.capabilities.guardrails`.
 */
export const GUARDRAIL_FEATURES = [
  /** `network.egressAllowed: false`. */
  "network.closedEgress",
  /** Names, with and without wildcard, in `network.allowedHosts`. */
  "network.allowedNames",
  /** CIDRs in `network.allowedHosts`. */
  "network.allowedRanges",
  /** `host:port` in `network.allowedHosts`. */
  "network.allowedPorts",
  /** A list in `network.ingressPorts`, or none where egress is restricted: nothing but these is reachable. */
  "network.ingressPorts",
  /** `network.ingressPorts: []`. */
  "network.closedIngress",
  "filesystem.readOnlyRoot",
  "filesystem.allowedMounts",
  "capabilities.dropAll",
  "capabilities.add",
  "resources.maxCpu",
  "resources.maxMemory",
  "resources.maxPids",
  "seccomp.RuntimeDefault",
  "seccomp.Unconfined",
  "seccomp.ConfigMap",
  "appArmor.RuntimeDefault",
  "appArmor.Unconfined",
  "appArmor.Localhost",
  "runAsNonRoot",
] as const;

export type GuardrailFeature = (typeof GUARDRAIL_FEATURES)[number];

/** What a backend can enforce, as data: the same for its status, for compatibility reports and for the refusals of `Strict`. */
export interface GuardrailCapabilities {
  readonly features: Readonly<Record<GuardrailFeature, Support>>;
  /** AppArmor profiles that `appArmor.Localhost` may name there; another is not loaded, as far as is known. */
  readonly appArmorProfiles: readonly string[];
  /** CIDRs that every workload there can reach, whatever its profile says; absent: none. */
  readonly openRanges?: readonly string[];
  /** What holds instead for a workload that listens on no port and whose egress is closed; absent: the same. */
  readonly withoutNetwork?: Readonly<Partial<Record<GuardrailFeature, Support>>>;
}
