import { NEVER_WITH_RESTRICTED_NETWORK } from "./confinement.ts";
import type { Guardrails } from "./guardrails.ts";

/**
 * Linux capabilities of a container that asks for nothing: the list of the Docker Engine and of containerd, without `CAP_`.
 * @see https://github.com/moby/moby/blob/v20.10.0/oci/caps/defaults.go
 */
export const DEFAULT_CAPABILITIES = [
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "NET_RAW",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
] as const;

/** Whether anything about the network is restricted, so that it needs rules of its own. */
export function isNetworkRestricted({ network }: Pick<Guardrails, "network">): boolean {
  return network.egress.kind !== "open" || network.ingressPorts !== undefined;
}

/** The capabilities that a workload has in the end, sorted: defaults and additions, less what a restricted network forbids. */
export function heldCapabilities(guardrails: Pick<Guardrails, "network" | "capabilities">): readonly string[] {
  const { dropAll, add } = guardrails.capabilities;
  const held = new Set<string>([...(dropAll ? [] : DEFAULT_CAPABILITIES), ...add]);
  if (isNetworkRestricted(guardrails)) for (const name of NEVER_WITH_RESTRICTED_NETWORK) held.delete(name);
  return [...held].sort();
}
