import type { Approval, ApprovalStatus } from "../../api/v1alpha1/index.ts";
import { authenticDecisions } from "../../approvals/decisions.ts";
import type { StampKeys } from "../../approvals/stamp-keys.ts";
import type { ApprovalState } from "../../approvals/state.ts";

export type HistoryEntry = NonNullable<ApprovalStatus["history"]>[number];

/** The schema's bounds. */
const MAX_ENTRIES = 128;
const MAX_MESSAGE = 4_096;

export interface HistoryFacts {
  readonly state: ApprovalState;
  readonly keys: StampKeys | undefined;
  /** When those named by an escalation were asked; undefined while they are not. */
  readonly escalatedAt: string | undefined;
  readonly now: Date;
}

/** Pure. What has happened that the history does not have, in order: it is only ever appended to. */
export function newEntries(approval: Approval, facts: HistoryFacts): readonly HistoryEntry[] {
  const before = approval.status?.history ?? [];
  const known = new Set(before.map(identity));
  return happened(approval, facts)
    .filter((entry) => !known.has(identity(entry)))
    .slice(0, MAX_ENTRIES - before.length);
}

function happened({ spec, ...approval }: Approval, { state, keys, escalatedAt, now }: HistoryFacts): HistoryEntry[] {
  const [first] = spec.requesters;
  const others = spec.requesters.length > 1 ? ` and ${spec.requesters.length - 1} more` : "";
  const asking = spec.policies.map(({ name }) => name).join(", ");
  const decisions = keys ? authenticDecisions({ ...approval, spec }, keys) : [];
  const decided = decisions.map(({ verdict, at, by, reason }) => entry(verdict, at, { by, message: reason }));
  return [
    entry("Requested", spec.requestedAt, {
      by: first?.username,
      message: `asked for by ${asking}${others && `; requested by ${first?.username}${others}`}`,
    }),
    ...(escalatedAt === undefined ? [] : [entry("Escalated", escalatedAt, { message: "nobody had decided" })]),
    ...decided,
    ...ending(state, now),
  ];
}

function ending({ phase, decidedAt, expiresAt, decidedBy, refusal }: ApprovalState, now: Date): HistoryEntry[] {
  const at = (decidedAt ?? now).toISOString();
  switch (phase) {
    case "Pending":
      return [];
    case "Approved":
      return [entry("Decided", at, { message: `approved by ${decidedBy.join(", ")}` })];
    case "Rejected":
      return [entry("Decided", at, { message: refusal ?? `rejected by ${decidedBy.join(", ")}` })];
    case "Expired":
      return [entry("Expired", expiresAt.toISOString(), { message: "nobody decided in time" })];
    case "Superseded":
      return [entry("Superseded", at, { message: "the deployment asks for something else by now, or is gone" })];
    default:
      return phase satisfies never;
  }
}

function entry(
  type: HistoryEntry["type"],
  at: string,
  { by, message }: { readonly by?: string | undefined; readonly message?: string | undefined },
): HistoryEntry {
  return {
    ...{ type, at },
    ...(by !== undefined && { by }),
    ...(message !== undefined && { message: message.slice(0, MAX_MESSAGE) }),
  };
}

/** Of decisions there are several; all else happens once. */
function identity({ type, by, at }: HistoryEntry): string {
  return type === "Approved" || type === "Rejected" ? `${type} ${by} ${at}` : type;
}
