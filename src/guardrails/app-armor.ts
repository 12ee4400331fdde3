import type { AppArmor } from "./guardrails.ts";

/**
 * The AppArmor profiles that the built-in profiles name, each at most as wide as the ones before it. Whoever loads them on a
 * machine keeps that promise; profiles of any other name cannot be compared.
 */
const NARROWING = ["mcp-standard", "mcp-restricted", "mcp-airgapped"];

/** Whether `inner` is known to let nothing happen that `outer` does not. */
export function containsAppArmor(outer: AppArmor, inner: AppArmor): boolean {
  if (outer.type === "Unconfined") return true;
  if (outer.type !== "Localhost" || inner.type !== "Localhost") return outer.type === inner.type;
  if (outer.name === inner.name) return true;
  const [outerAt, innerAt] = [NARROWING.indexOf(outer.name), NARROWING.indexOf(inner.name)];
  return outerAt >= 0 && outerAt < innerAt;
}

export function formatAppArmor(appArmor: AppArmor): string {
  return appArmor.type === "Localhost" ? `profile ${appArmor.name}` : appArmor.type;
}
