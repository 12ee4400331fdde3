import type { Guardrails } from "./guardrails.ts";
import { listing } from "./listing.ts";

/** What may be reached from outside, so that two of them can be compared. */
export type Ingress =
  /** Nothing about the network is restricted. */
  | { readonly kind: "any" }
  /** The transport's port and these. */
  | { readonly kind: "ports"; readonly ports: readonly number[] }
  | { readonly kind: "none" };

/** The transport's own port is always there, so it is no difference between two that list it or not. */
export function ingressOf({ egress, ingressPorts, transportPort }: Guardrails["network"]): Ingress {
  if (ingressPorts === undefined) return egress.kind === "open" ? { kind: "any" } : { kind: "ports", ports: [] };
  if (ingressPorts.length === 0) return { kind: "none" };
  return { kind: "ports", ports: ingressPorts.filter((port) => port !== transportPort) };
}

export function formatIngress(ingress: Ingress): string {
  switch (ingress.kind) {
    case "any":
      return "any port";
    case "ports":
      return ingress.ports.length === 0
        ? "the transport's port only"
        : `${listing(ingress.ports)} and the transport's port`;
    case "none":
      return "no port";
    default:
      return ingress satisfies never;
  }
}
