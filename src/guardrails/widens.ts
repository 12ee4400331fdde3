import { formatCpu, formatMemory } from "../api/quantity.ts";
import { formatAllowedHost } from "./allowed-host.ts";
import { containsAppArmor, formatAppArmor } from "./app-armor.ts";
import { isAtOrBelow } from "./container-path.ts";
import type { GuardrailField } from "./guardrail-field.ts";
import type { AllowedHost, Egress, Guardrails, Seccomp } from "./guardrails.ts";
import { DEFAULT_CAPABILITIES, heldCapabilities } from "./held-capabilities.ts";
import { covers } from "./host-coverage.ts";
import { formatIngress, ingressOf } from "./ingress.ts";
import { listing } from "./listing.ts";

/** One field in which more is let happen than may. */
export interface Widening {
  /** A field of the profile, or `enforcement`. */
  readonly field: string;
  /** What it lets happen, for people. */
  readonly value: string;
  /** What may happen at most. */
  readonly bound: string;
}

/**
 * Pure. The fields in which `a` lets more happen than `bound`; empty: `a` is inside. Inside is a preorder: everything is
 * inside itself, and what is inside something inside is inside. What cannot be judged, as two seccomp profiles of somebody's
 * own, counts as wider, and so does a host whose range only several ranges of the bound together contain.
 */
export function widens(a: Guardrails, bound: Guardrails): readonly Widening[] {
  return Object.entries(COMPARISONS).flatMap(([field, compare]) => {
    const found = compare(a, bound);
    return found ? [{ field, ...found }] : [];
  });
}

type Comparison = (a: Guardrails, bound: Guardrails) => Omit<Widening, "field"> | undefined;

const COMPARISONS: Readonly<Record<"enforcement" | GuardrailField, Comparison>> = {
  enforcement: (a, bound) =>
    a.enforcement === "Warn" && bound.enforcement === "Strict" ? { value: "Warn", bound: "Strict" } : undefined,
  "network.egressAllowed": ({ network: { egress } }, { network }) =>
    egress.kind !== "closed" && network.egress.kind === "closed"
      ? { value: formatEgress(egress), bound: formatEgress(network.egress) }
      : undefined,
  "network.allowedHosts": (a, bound) => compareHosts(a.network.egress, bound.network.egress),
  "network.ingressPorts": compareIngress,
  "filesystem.readOnlyRoot": (a, bound) => compareFlags(a.filesystem.readOnlyRoot, bound.filesystem.readOnlyRoot),
  "filesystem.allowedMounts": compareMounts,
  "capabilities.dropAll": (a, bound) => {
    const excess = excessCapabilities(a, bound).filter((name) => defaultsOf(a).includes(name));
    return excess.length > 0
      ? { value: `false, which leaves ${listing(excess)}`, bound: listing(heldCapabilities(bound)) }
      : undefined;
  },
  "capabilities.add": (a, bound) => {
    const excess = excessCapabilities(a, bound).filter((name) => !defaultsOf(a).includes(name));
    return excess.length > 0 ? { value: listing(excess), bound: listing(heldCapabilities(bound)) } : undefined;
  },
  "resources.maxCpu": (a, bound) => compareMaxima(a.resources.maxCpuMillis, bound.resources.maxCpuMillis, formatCpu),
  "resources.maxMemory": (a, bound) =>
    compareMaxima(a.resources.maxMemoryBytes, bound.resources.maxMemoryBytes, formatMemory),
  "resources.maxPids": (a, bound) => compareMaxima(a.resources.maxPids, bound.resources.maxPids, String),
  seccomp: (a, bound) =>
    containsSeccomp(bound.seccomp, a.seccomp)
      ? undefined
      : { value: formatSeccomp(a.seccomp), bound: formatSeccomp(bound.seccomp) },
  appArmor: (a, bound) =>
    containsAppArmor(bound.appArmor, a.appArmor)
      ? undefined
      : { value: formatAppArmor(a.appArmor), bound: formatAppArmor(bound.appArmor) },
  runAsNonRoot: (a, bound) => compareFlags(a.runAsNonRoot, bound.runAsNonRoot),
};

/** A closed bound is `egressAllowed`'s to report. */
function compareHosts(a: Egress, bound: Egress): Omit<Widening, "field"> | undefined {
  if (a.kind === "closed" || bound.kind !== "listed") return undefined;
  if (a.kind === "open") return { value: formatEgress(a), bound: formatEgress(bound) };
  const outside = a.hosts.filter((host) => !bound.hosts.some((outer) => covers(outer, host)));
  return outside.length > 0 ? { value: formatHosts(outside), bound: formatEgress(bound) } : undefined;
}

function compareIngress(a: Guardrails, bound: Guardrails): Omit<Widening, "field"> | undefined {
  const [inner, outer] = [ingressOf(a.network), ingressOf(bound.network)];
  if (outer.kind === "any" || inner.kind === "none") return undefined;
  const said = { value: formatIngress(inner), bound: formatIngress(outer) };
  if (inner.kind === "any" || outer.kind === "none") return said;
  return inner.ports.every((port) => outer.ports.includes(port)) ? undefined : said;
}

function compareMounts(a: Guardrails, bound: Guardrails): Omit<Widening, "field"> | undefined {
  const outer = mountRoots(bound);
  const outside = mountRoots(a).filter((path) => !outer.some((root) => isAtOrBelow(path, root)));
  return outside.length > 0
    ? { value: a.filesystem.allowedMounts ? listing(outside) : "anywhere", bound: listing(outer) }
    : undefined;
}

function mountRoots({ filesystem }: Guardrails): readonly string[] {
  return filesystem.allowedMounts ?? ["/"];
}

function excessCapabilities(a: Guardrails, bound: Guardrails): readonly string[] {
  const allowed = heldCapabilities(bound);
  return heldCapabilities(a).filter((name) => !allowed.includes(name));
}

/** Those that it has without naming them. */
function defaultsOf({ capabilities }: Guardrails): readonly string[] {
  return capabilities.dropAll ? [] : DEFAULT_CAPABILITIES;
}

/** For fields of which `true` is the narrower. */
function compareFlags(a: boolean, bound: boolean): Omit<Widening, "field"> | undefined {
  return bound && !a ? { value: "false", bound: "true" } : undefined;
}

function compareMaxima(
  a: number | undefined,
  bound: number | undefined,
  format: (value: number) => string,
): Omit<Widening, "field"> | undefined {
  if (bound === undefined || (a !== undefined && a <= bound)) return undefined;
  return { value: a === undefined ? "no maximum" : format(a), bound: format(bound) };
}

/** Nobody here can compare two profiles, so each contains itself alone. */
function containsSeccomp(bound: Seccomp, a: Seccomp): boolean {
  return bound.type === "Unconfined" || formatSeccomp(bound) === formatSeccomp(a);
}

function formatSeccomp(seccomp: Seccomp): string {
  if (seccomp.type !== "ConfigMap") return seccomp.type;
  return `key ${seccomp.key} of ConfigMap ${seccomp.namespace}/${seccomp.name}`;
}

function formatEgress(egress: Egress): string {
  switch (egress.kind) {
    case "open":
      return "everything";
    case "closed":
      return "nothing";
    case "listed":
      return formatHosts(egress.hosts);
    default:
      return egress satisfies never;
  }
}

function formatHosts(hosts: readonly AllowedHost[]): string {
  return listing(hosts.map(formatAllowedHost));
}
