import type { Egress } from "./guardrails.ts";

/** What a backend makes of a deployment's guardrails: resolved, without maxima, a part of what the workload hash covers. */
export interface Confinement {
  /** Undefined: nothing about the network is restricted. */
  readonly network: NetworkRules | undefined;
  readonly readOnlyRoot: boolean;
  /** Names without `CAP_`, sorted. */
  readonly capabilities: { readonly dropAll: boolean; readonly add: readonly string[] };
  readonly seccomp:
    | { readonly kind: "default" | "unconfined" }
    /** The profile's JSON text, out of its ConfigMap. */
    | { readonly kind: "profile"; readonly json: string };
  readonly appArmor: { readonly kind: "default" | "unconfined" } | { readonly kind: "profile"; readonly name: string };
  readonly runAsNonRoot: boolean;
}

export interface NetworkRules {
  readonly egress: Egress;
  /** TCP ports that may be reached from outside, the transport's among them; empty: none, and nothing is published. Sorted. */
  readonly ingressPorts: readonly number[];
}

/**
 * Capabilities that a workload with a restricted network never has, whatever its profile adds: with them it could send past
 * the rules of its network (NET_ADMIN, NET_RAW, and those that lead to them) or become the resolver's user (SETUID, SETGID).
 */
export const NEVER_WITH_RESTRICTED_NETWORK = [
  "BPF",
  "NET_ADMIN",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SYS_ADMIN",
  "SYS_MODULE",
  "SYS_PTRACE",
  "SYS_RAWIO",
] as const;

const NEVER: ReadonlySet<string> = new Set(NEVER_WITH_RESTRICTED_NETWORK);

/** Pure. Whether a capability is one of these. */
export function leadsPastNetwork(capability: string): boolean {
  return NEVER.has(capability);
}
