import type { Approval } from "../../../api/v1alpha1/index.ts";
import { onlyNarrows } from "../../../approvals/narrowing.ts";
import type { EffectiveSpec } from "../../../effective-spec/effective-spec.ts";
import { readReviewed } from "../../../effective-spec/reviewed-spec.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { Scope } from "../scope.ts";
import { reviewedIn } from "./image.ts";
import { type Circumstances, mayRun, type Version } from "./version.ts";

/** An approved version that lets at least as much happen as another. */
export interface Wider {
  readonly approval: Approval;
  /** Whether no policy has a question about it, so that none can have one about what is narrower. */
  readonly complete: boolean;
}

/** Undefined where nothing was approved that a version only narrows. */
export function narrowedFrom(scope: Scope, version: Version, circumstances: Circumstances): Wider | undefined {
  const approved = circumstances.judged.filter(({ state }) => state.phase === "Approved");
  const wider = approved
    .map(({ approval }) => approval)
    .filter((approval) => onlyNarrows(reviewedIn(approval), version.reviewed))
    .map((approval) => ({ approval, complete: isComplete(approval, scope, circumstances) }));
  return wider.find(({ complete }) => complete) ?? wider[0];
}

function isComplete(approval: Approval, scope: Scope, circumstances: Circumstances): boolean {
  const spec = specIn(approval, scope);
  const { digest } = approval.spec;
  return spec !== undefined && mayRun({ spec, reviewed: reviewedIn(approval), digest }, circumstances);
}

/** The effective spec of an approved version, with what no approval is about as it is today. Undefined where nobody can read it. */
export function specIn(approval: Approval, { spec: today, upkeep }: Scope): EffectiveSpec | undefined {
  const { desiredState, health } = upkeep;
  try {
    const { readiness, liveness } = today ?? {};
    return readReviewed(approval.spec.effective, { desiredState, health, readiness, liveness }).spec;
  } catch (error) {
    if (error instanceof TerminalError) return undefined;
    throw error;
  }
}
