import type { Workload, WorkloadSpec } from "../../backends/backend.ts";
import { changedGuardrails } from "./changed-guardrails.ts";

/**
 * How a deployment stands to the roll that a changed profile asks for. `due`: it has to be made anew for that alone, and
 * serves meanwhile, so that it goes when it is its turn. `underway`: it has begun. `over`: nothing of the kind, any more.
 */
export type Roll = "due" | "underway" | "over";

export interface RollInput {
  readonly target: WorkloadSpec | undefined;
  readonly current: Workload | undefined;
  /** Generation of the spec that `current` is known to have matched: its own, or a later one that changed nothing. */
  readonly currentGeneration: number | undefined;
  /** Whether `current` does its work. */
  readonly serves: boolean;
  /** Whether the attempt at `target` failed, so that the next one waits. */
  readonly failed: boolean;
}

/** Pure. */
export function rollOf(input: RollInput): Roll {
  const { target, current, serves, failed } = input;
  if (!target || failed) return "over";
  if (!current) return "underway";
  if (current.hash === target.hash) return serves ? "over" : "underway";
  // Whoever edits a deployment asks for it, and gets it at once.
  if (changedByProfile(input).length === 0) return "over";
  return serves ? "due" : "underway";
}

/** Pure. The fields for whose sake a workload is made anew though its deployment was not edited. */
export function changedByProfile({
  target,
  current,
  currentGeneration,
}: Pick<RollInput, "target" | "current" | "currentGeneration">): readonly string[] {
  if (!target || !current || current.hash === target.hash || currentGeneration !== target.generation) return [];
  return changedGuardrails(current.guardrails, target.guardrails);
}
