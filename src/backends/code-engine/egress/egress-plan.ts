import { formatAddressRange, parseAddressRange } from "../../../guardrails/address-range.ts";
import { contains, EVERYTHING } from "./egress-ranges.ts";

/** An allowed outbound destination of type cidr_block. */
export interface EgressRule {
  readonly name: string;
  readonly cidr: string;
  readonly entityTag: string;
  /** `ready` is in force; undefined where Code Engine does not tell, which counts as that. */
  readonly status: string | undefined;
}

export type EgressStep =
  | { readonly kind: "delete"; readonly rule: EgressRule }
  | { readonly kind: "change"; readonly rule: EgressRule; readonly cidr: string }
  | { readonly kind: "create"; readonly name: string; readonly cidr: string };

/** What new projects have. */
const ALLOW_ALL = "allow-all";

/**
 * Pure. The steps from the rules that a project has to `ranges`, of which none lies within another. Each rule is at any time as
 * it was or as it shall be, so that nothing is open in between that was not open before and is not meant to be. Code Engine
 * refuses a range that lies within that of another rule: what covers others is therefore changed to one of them rather than
 * deleted, which keeps that one reachable throughout.
 * @param taken names of rules of any type.
 */
export function egressSteps(
  rules: readonly EgressRule[],
  ranges: readonly string[],
  taken: ReadonlySet<string>,
): readonly EgressStep[] {
  const kept = new Map<string, EgressRule>();
  const stale: EgressRule[] = [];
  for (const rule of rules) {
    const cidr = canonical(rule.cidr);
    if (ranges.includes(cidr) && !kept.has(cidr) && rule.status !== "failed") kept.set(cidr, rule);
    else stale.push(rule);
  }
  const missing = ranges.filter((range) => !kept.has(range));
  if (missing.includes(EVERYTHING)) return [openAll(stale, taken)];

  const changes = new Map<EgressRule, string>();
  const outer = stale.filter((rule) => isOutermost(rule, stale));
  for (const cidr of missing) {
    const rule = outer.find((each) => each.status !== "failed" && !changes.has(each) && overlap(each.cidr, cidr));
    if (rule) changes.set(rule, cidr);
  }
  const changed = new Set(changes.values());
  const created = missing.filter((cidr) => !changed.has(cidr));
  return [
    ...stale.filter((rule) => !changes.has(rule)).map((rule) => ({ kind: "delete", rule }) as const),
    ...[...changes].map(([rule, cidr]) => ({ kind: "change", rule, cidr }) as const),
    ...freeNames(created.length, taken).map((name, at) => ({ kind: "create", name, cidr: created[at] ?? "" }) as const),
  ];
}

/** Code Engine deletes all others then. */
function openAll(stale: readonly EgressRule[], taken: ReadonlySet<string>): EgressStep {
  const rule = stale.find(({ name }) => name === ALLOW_ALL);
  if (rule) return { kind: "change", rule, cidr: EVERYTHING };
  const [free = ALLOW_ALL] = taken.has(ALLOW_ALL) ? freeNames(1, taken) : [];
  return { kind: "create", name: free, cidr: EVERYTHING };
}

/** Rules keep their names when their range changes: so these say nothing of it. */
function freeNames(count: number, taken: ReadonlySet<string>): readonly string[] {
  const names: string[] = [];
  for (let number = 1; names.length < count; number++) {
    const name = `slipway-${number}`;
    if (!taken.has(name)) names.push(name);
  }
  return names;
}

/** Whether it lies within no other, of which one counts where two are equal. */
function isOutermost(rule: EgressRule, all: readonly EgressRule[]): boolean {
  return !all.some(
    (other, at) =>
      other !== rule && contains(other.cidr, rule.cidr) && (!contains(rule.cidr, other.cidr) || at < all.indexOf(rule)),
  );
}

function overlap(a: string, b: string): boolean {
  return contains(a, b) || contains(b, a);
}

/** As it is where it is no range, which is none that is wanted then. */
function canonical(cidr: string): string {
  const range = parseAddressRange(cidr);
  return range ? formatAddressRange(range) : cidr;
}
