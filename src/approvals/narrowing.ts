import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { readGuardrails } from "../effective-spec/reviewed-spec-reader.ts";
import { reviewedShapeProblem } from "../effective-spec/reviewed-spec-shape.ts";
import { widens } from "../guardrails/widens.ts";
import { TerminalError } from "../machinery/errors.ts";
import { jsonEqual } from "../machinery/json-equal.ts";
import { cpuOf, memoryOf } from "./thresholds.ts";

/**
 * Pure. Whether `wanted` is `approved` with narrower guardrails and lower limits, or the same: then nobody need say yes again.
 * All else must be equal, and no guardrail and no limit may let more happen; the profile may have another name. What cannot be
 * read or compared counts as wider.
 */
export function onlyNarrows(approved: ReviewedSpec, wanted: ReviewedSpec): boolean {
  if (reviewedShapeProblem(approved) !== undefined || reviewedShapeProblem(wanted) !== undefined) return false;
  const { guardrails: _, resources: before, ...rest } = approved;
  const { guardrails: __, resources: after, ...same } = wanted;
  if (!jsonEqual(rest, same)) return false;
  try {
    return (
      widens(readGuardrails(wanted), readGuardrails(approved)).length === 0 &&
      cpuOf(after) <= cpuOf(before) &&
      memoryOf(after) <= memoryOf(before) &&
      after.pids <= before.pids
    );
  } catch (error) {
    if (error instanceof TerminalError) return false;
    throw error;
  }
}
