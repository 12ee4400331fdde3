import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { Approval, ApprovalPolicy, ApprovalStatus } from "../../api/v1alpha1/index.ts";
import type { StampKeys } from "../../approvals/stamp-keys.ts";
import type { ApprovalState } from "../../approvals/state.ts";
import { setCondition } from "../../machinery/conditions.ts";
import { type HistoryEntry, newEntries } from "./history.ts";
import { dueNotices, type Notification, notified } from "./notices.ts";

export interface ApprovalFacts {
  readonly state: ApprovalState;
  readonly keys: StampKeys | undefined;
  /** Those of its policies that are there still, as they are now. */
  readonly policies: readonly ApprovalPolicy[];
  /** What became of notices since the status was written, by their place in it. */
  readonly told: (notification: Notification) => Notification;
  /** What the last attempt of a notice that is still tried came to. */
  readonly trouble: string | undefined;
  readonly now: Date;
}

export interface Summary {
  readonly status: ApprovalStatus;
  /** What is news. */
  readonly happened: readonly HistoryEntry[];
}

/** Pure. Equal facts give an equal status, whenever they are looked at: one that waits costs no write. */
export function summarize(approval: Approval, facts: ApprovalFacts): Summary {
  const { state, now } = facts;
  const before = approval.status ?? {};
  const escalatedAt = before.escalatedAt ?? escalation(state, now);
  const happened = newEntries(approval, { ...facts, escalatedAt });
  const notifications = [
    ...(before.notifications ?? []).map(facts.told),
    ...dueNotices(happened, state.phase, facts.policies),
  ];
  const decidedAt = state.decidedAt?.toISOString() ?? before.decidedAt;
  const ended = state.phase !== "Pending";
  const status: ApprovalStatus = {
    observedGeneration: approval.metadata.generation ?? 0,
    phase: state.phase,
    expiresAt: state.expiresAt.toISOString(),
    ...(ended && { decidedAt: decidedAt ?? now.toISOString() }),
    ...(ended && state.decidedBy.length > 0 && { decidedBy: [...state.decidedBy] }),
    ...(escalatedAt !== undefined && { escalatedAt }),
    conditions: conditionsOf(approval, facts, notifications),
    history: [...(before.history ?? []), ...happened],
    ...(notifications.length > 0 && { notifications: notifications.slice(-MAX_NOTIFICATIONS) }),
  };
  return { status, happened };
}

/** The schema's bound. */
const MAX_NOTIFICATIONS = 64;

function escalation({ phase, escalatesAt }: ApprovalState, now: Date): string | undefined {
  return phase === "Pending" && escalatesAt && escalatesAt <= now ? escalatesAt.toISOString() : undefined;
}

function conditionsOf(
  approval: Approval,
  { state, trouble, now }: ApprovalFacts,
  notifications: readonly Notification[],
): Condition[] {
  const observedGeneration = approval.metadata.generation ?? 0;
  const verdict = verdictOf(state);
  const found = [
    {
      type: ConditionType.Approved,
      status: state.phase === "Approved" ? ("True" as const) : ("False" as const),
      ...verdict,
    },
    ...(state.phase === "Pending" ? [{ type: ConditionType.Reconciling, status: "True" as const, ...verdict }] : []),
    ...(ENDED.has(state.phase) ? [{ type: ConditionType.Stalled, status: "True" as const, ...verdict }] : []),
    ...[notified(notifications, trouble)].filter((condition) => condition !== undefined),
  ];
  const still = (approval.status?.conditions ?? []).filter(({ type }) => found.some((each) => each.type === type));
  const all = found.reduce<readonly Condition[]>(
    (conditions, next) => setCondition(conditions, { ...next, observedGeneration }, now),
    still,
  );
  return [...all];
}

/** Nothing comes of these without a person. */
const ENDED: ReadonlySet<string> = new Set(["Rejected", "Expired"]);

function verdictOf({ phase, decidedBy, refusal, problem, tally, expiresAt }: ApprovalState): {
  reason: string;
  message: string;
} {
  switch (phase) {
    case "Pending": {
      if (problem !== undefined) return { reason: Reason.AdmissionMissing, message: problem };
      const open = tally.filter(({ approved, required }) => approved < required);
      const wanted = open.map(({ policy, approved, required }) => `${policy} ${approved} of ${required}`).join(", ");
      return {
        reason: Reason.PendingApproval,
        message: `waits for approvers: ${wanted}; until ${expiresAt.toISOString()}`,
      };
    }
    case "Approved":
      return { reason: Reason.Approved, message: `approved by ${decidedBy.join(", ")}` };
    case "Rejected":
      return { reason: Reason.ApprovalRejected, message: refusal ?? `rejected by ${decidedBy.join(", ")}` };
    case "Expired":
      return { reason: Reason.ApprovalExpired, message: `nobody decided until ${expiresAt.toISOString()}` };
    case "Superseded":
      return {
        reason: Reason.ApprovalSuperseded,
        message: "the deployment asks for something else by now, or is gone; a decision would do nothing",
      };
    default:
      return phase satisfies never;
  }
}
