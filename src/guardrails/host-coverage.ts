import { containsRange, parseAddressRange } from "./address-range.ts";
import type { AllowedHost } from "./guardrails.ts";

/**
 * Whether everything that `inner` opens is open by `outer` alone: a name below a wildcard, a range inside a range, one port
 * of all. A name is never inside a range, whatever it resolves to today.
 */
export function covers(outer: AllowedHost, inner: AllowedHost): boolean {
  if (outer.port !== undefined && outer.port !== inner.port) return false;
  if (outer.kind === "name") return inner.kind === "name" && coversName(outer, inner);
  if (inner.kind !== "range") return false;
  const [outerRange, innerRange] = [parseAddressRange(outer.cidr), parseAddressRange(inner.cidr)];
  return outerRange !== undefined && innerRange !== undefined && containsRange(outerRange, innerRange);
}

type NamedHost = Extract<AllowedHost, { kind: "name" }>;

function coversName(outer: NamedHost, inner: NamedHost): boolean {
  if (outer.name === inner.name) return outer.wildcard === inner.wildcard;
  return outer.wildcard && inner.name.endsWith(`.${outer.name}`);
}
