import type { Guardrails } from "../../guardrails/guardrails.ts";
import { jsonEqual } from "../../machinery/json-equal.ts";

/** A field of a profile, as its users know it, and what stands for it in the effective value. */
const FIELDS: readonly (readonly [field: string, of: (guardrails: Guardrails) => unknown])[] = [
  ["enforcement", ({ enforcement }) => enforcement],
  ["network.egressAllowed", ({ network }) => network.egress.kind === "closed"],
  ["network.allowedHosts", ({ network }) => network.egress],
  ["network.ingressPorts", ({ network }) => network.ingressPorts],
  ["filesystem.readOnlyRoot", ({ filesystem }) => filesystem.readOnlyRoot],
  ["filesystem.allowedMounts", ({ filesystem }) => filesystem.allowedMounts],
  ["capabilities.dropAll", ({ capabilities }) => capabilities.dropAll],
  ["capabilities.add", ({ capabilities }) => capabilities.add],
  ["resources.maxCpu", ({ resources }) => resources.maxCpuMillis],
  ["resources.maxMemory", ({ resources }) => resources.maxMemoryBytes],
  ["resources.maxPids", ({ resources }) => resources.maxPids],
  ["seccomp", ({ seccomp }) => seccomp],
  ["appArmor", ({ appArmor }) => appArmor],
  ["runAsNonRoot", ({ runAsNonRoot }) => runAsNonRoot],
];

/**
 * Pure. The fields of a profile in which two effective values differ, in the order in which people are shown them. Undefined
 * (a workload of which nobody can say what it was made under) differs in all.
 */
export function changedGuardrails(before: Guardrails | undefined, after: Guardrails): readonly string[] {
  return FIELDS.filter(([, of]) => !before || !jsonEqual(of(before), of(after))).map(([field]) => field);
}
