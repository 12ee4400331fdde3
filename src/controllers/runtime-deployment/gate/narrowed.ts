import type { Approval } from "../../../api/v1alpha1/index.ts";
import { onlyNarrows } from "../../../approvals/narrowing.ts";
import type { Scope } from "../scope.ts";
import { isRunning } from "./dormant.ts";
import { reviewedIn } from "./image.ts";
import { runningVersion, specIn } from "./running.ts";
import { type Circumstances, mayRun, type Version } from "./version.ts";

/** Whether a version only narrows one that may run. */
export type Narrowing =
  /** One that everybody has approved who has to today, so that nobody can have a question about what is narrower. */
  | { readonly kind: "of approved"; readonly approval: Approval }
  /** The one that runs, about which somebody still has a question: it is left alone, and so is what lets less happen. */
  | { readonly kind: "of what runs"; readonly image: string };

/** Undefined where it narrows neither. One that was approved once and by too few is no measure: it may not run again either. */
export function narrowingOf(scope: Scope, version: Version, circumstances: Circumstances): Narrowing | undefined {
  const approval = circumstances.judged
    .filter(({ state }) => state.phase === "Approved")
    .map((each) => each.approval)
    .find((each) => onlyNarrows(reviewedIn(each), version.reviewed) && isComplete(each, scope, circumstances));
  if (approval) return { kind: "of approved", approval };
  // What was stopped, or is gone, lets nothing happen any more.
  const running = isRunning(scope) ? runningVersion(scope, circumstances) : undefined;
  if (!running || !onlyNarrows(running.version.reviewed, version.reviewed)) return undefined;
  return isRejected(running.version, circumstances) ? undefined : { kind: "of what runs", image: running.image };
}

function isComplete(approval: Approval, scope: Scope, circumstances: Circumstances): boolean {
  const spec = specIn(approval, scope);
  const { digest } = approval.spec;
  return spec !== undefined && mayRun({ spec, reviewed: reviewedIn(approval), digest }, circumstances);
}

function isRejected({ digest }: Version, { judged }: Circumstances): boolean {
  return judged.some(({ approval, state }) => approval.spec.digest === digest && state.phase === "Rejected");
}
