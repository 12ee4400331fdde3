import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Approval } from "../../api/v1alpha1/index.ts";
import type { EventNote } from "../../machinery/event-recorder.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import type { HistoryEntry } from "./history.ts";

const REASONS = {
  Requested: Reason.ApprovalRequested,
  Escalated: Reason.ApprovalEscalated,
  Expired: Reason.ApprovalExpired,
  Superseded: Reason.ApprovalSuperseded,
} as const;

/** Pure. The event of what happened to an Approval, for it and for its deployment; undefined for a decision that another one sums up. */
export function eventOf(approval: Approval, { type, message = "", by }: HistoryEntry): EventNote | undefined {
  const about = `Approval ${approval.metadata.name}`;
  const action = "Approve";
  if (type === "Decided") {
    const rejected = !message.startsWith("approved");
    const reason = rejected ? Reason.ApprovalRejected : Reason.Approved;
    return { type: rejected ? "Warning" : "Normal", reason, action, note: `${about}: ${inOneLine(message)}` };
  }
  if (type === "Approved" || type === "Rejected") {
    const why = message.trim() === "" ? "" : `: ${inOneLine(message)}`;
    return { type: "Normal", reason: `Decision${type}`, action, note: `${about}: ${by} says ${type}${why}` };
  }
  return {
    type: type === "Requested" ? "Normal" : "Warning",
    reason: REASONS[type],
    action,
    note: `${about}: ${inOneLine(message)}`,
  };
}
