import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { inOneLine } from "../../../machinery/one-line.ts";
import type { Failure, Note } from "../facts.ts";
import type { Scope } from "../scope.ts";
import type { Judged } from "./standing.ts";

/** Puts into the scope how a version stands that somebody was asked about. */
export function tell(
  scope: Scope,
  { kind, by }: { readonly kind: "approved" | "pending" | "rejected" | "expired"; readonly by: Judged },
): void {
  const { metadata } = by.approval;
  const { problem, decidedBy } = by.state;
  if (kind === "approved") {
    const note = { reason: Reason.Approved, message: `approved by ${decidedBy.join(", ")}` };
    scope.approval = { name: metadata.name, condition: { status: "True", ...note } };
  } else if (kind === "pending" && problem !== undefined) {
    holdFor(scope, `Approval "${metadata.name}" cannot be believed: ${problem}`, metadata.name);
  } else if (kind === "pending") {
    awaitDecision(scope, metadata.name, by.approval.spec.policies);
  } else {
    const reason = kind === "rejected" ? Reason.ApprovalRejected : Reason.ApprovalExpired;
    const message = kind === "rejected" ? rejection(by) : expiry(scope, by);
    const failure: Failure = { kind: "refused", reason, message };
    scope.failure = failure;
    scope.approval = { name: metadata.name, condition: { status: "False", reason, message } };
  }
}

/** Says that somebody was asked. */
export function awaitDecision(scope: Scope, name: string, policies: readonly { readonly name: string }[]): void {
  const asking = policies.map((policy) => policy.name).join(", ");
  const { namespace } = scope.owner;
  const message = `waits for approval, which ${asking} asks for; who may: slipway approve ${name} -n ${namespace}`;
  const note: Note = { reason: Reason.PendingApproval, message };
  scope.step = note;
  scope.approval = { name, condition: { status: "False", ...note } };
}

/** Says that nobody can be asked, or believed, since something was written without admission being asked, or may have been. */
export function holdFor(scope: Scope, message: string, name?: string): void {
  const note: Note = { reason: Reason.AdmissionMissing, message: inOneLine(message) };
  scope.failure = { kind: "retried", ...note };
  scope.approval = { name, condition: { status: "False", ...note } };
}

function rejection({ approval, state }: Judged): string {
  if (state.refusal !== undefined) return state.refusal;
  const reason = approval.spec.decisions.find(({ verdict }) => verdict === "Rejected")?.reason;
  const who = state.decidedBy.join(", ") || "somebody";
  const why = reason === undefined || reason.trim() === "" ? "without a reason" : `: ${inOneLine(reason)}`;
  return `rejected by ${who}${why.startsWith(":") ? why : ` ${why}`}; ask for something else`;
}

function expiry({ owner: { name, namespace } }: Scope, { state }: Judged): string {
  return `nobody decided until ${state.expiresAt.toISOString()}; to ask again: slipway request ${name} -n ${namespace}`;
}
