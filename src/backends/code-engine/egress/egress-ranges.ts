import { containsRange, parseAddressRange } from "../../../guardrails/address-range.ts";
import { formatAllowedHost } from "../../../guardrails/allowed-host.ts";
import type { AllowedHost, Egress } from "../../../guardrails/guardrails.ts";

export const EVERYTHING = "0.0.0.0/0";

/**
 * IBM's own networks, which no rule may name, and what no router forwards. What only overlaps one of them is asked for: Code
 * Engine may refuse it.
 * @see https://cloud.ibm.com/docs/codeengine?topic=codeengine-connectivity-outbound
 * @see https://cloud.ibm.com/docs/vpc?topic=vpc-setting-up-access-to-classic-infrastructure
 */
const RESERVED = ["10.0.0.0/14", "10.198.0.0/15", "10.200.0.0/14", "10.254.0.0/16", "169.254.0.0/16", "224.0.0.0/4"];

/** A host that may be reached and that no rule can say. */
export interface LeftOut {
  /** As people write it. */
  readonly host: string;
  readonly why: string;
}

/** What a project's rules can say of what may be reached. Never more than that. */
export interface EgressRanges {
  /** Canonical, sorted, and none within another. Empty: nothing may be reached. */
  readonly ranges: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/** Pure. */
export function egressRanges(egress: Egress): EgressRanges {
  if (egress.kind === "open") return { ranges: [EVERYTHING], leftOut: [] };
  if (egress.kind === "closed") return { ranges: [], leftOut: [] };
  const judged = egress.hosts.map((host) => ({ host, why: whyNot(host) }));
  const leftOut = judged.flatMap(({ host, why }) =>
    why === undefined ? [] : [{ host: formatAllowedHost(host), why }],
  );
  const ranges = judged.flatMap(({ host, why }) => (host.kind === "range" && why === undefined ? [host.cidr] : []));
  return { ranges: outermost(ranges), leftOut };
}

function whyNot(host: AllowedHost): string | undefined {
  if (host.kind === "name") return "host names cannot be rules";
  if (host.family === 6) return "IPv6 cannot be a rule";
  if (host.port !== undefined) return "single ports cannot be rules";
  const reserved = RESERVED.find((range) => contains(range, host.cidr));
  return reserved === undefined ? undefined : `IBM reserves ${reserved}`;
}

/** Without repetitions, and without what lies within another. */
function outermost(ranges: readonly string[]): readonly string[] {
  const distinct = [...new Set(ranges)];
  return distinct.filter((range) => !distinct.some((other) => other !== range && contains(other, range))).sort();
}

/** Whether every address of `inner` is one of `outer`. What is no range is in none, and contains none. */
export function contains(outer: string, inner: string): boolean {
  const [a, b] = [parseAddressRange(outer), parseAddressRange(inner)];
  return a !== undefined && b !== undefined && containsRange(a, b);
}
