import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { Approval, ApprovalPolicy, ApprovalStatus } from "../../api/v1alpha1/index.ts";
import type { ApprovalPhase } from "../../approvals/state.ts";
import type { HistoryEntry } from "./history.ts";

export type Notification = NonNullable<ApprovalStatus["notifications"]>[number];
type NoticeEvent = Notification["event"];

/** Names one notice. */
export function noticeId(
  { metadata }: Approval,
  { event, policy, channel }: Pick<Notification, "event" | "policy" | "channel">,
) {
  return `${metadata.uid}/${event}/${policy}/${channel}`;
}

/**
 * Pure. What policies want told of what happened, to be kept in the status until it was. A policy that asks to be told later
 * hears of nothing that was before.
 */
export function dueNotices(
  happened: readonly HistoryEntry[],
  phase: ApprovalPhase,
  policies: readonly ApprovalPolicy[],
): readonly Notification[] {
  const events = happened.flatMap(({ type }) => eventsOf(type, phase));
  return policies.flatMap(({ metadata, spec: { notify } }) => {
    const channels = [notify?.webhook && "webhook", notify?.email && "email"].filter(
      (channel) => channel !== undefined,
    );
    return channels.flatMap((channel) =>
      events.map((event) => ({
        event,
        policy: metadata.name,
        channel: channel as Notification["channel"],
        state: "Pending" as const,
      })),
    );
  });
}

/** What is over by now need not be asked for. */
function eventsOf(type: HistoryEntry["type"], phase: ApprovalPhase): readonly NoticeEvent[] {
  switch (type) {
    case "Requested":
    case "Escalated":
      return phase === "Pending" ? [type] : [];
    case "Expired":
      return ["Expired"];
    case "Decided":
      return phase === "Approved" || phase === "Rejected" ? [phase] : [];
    case "Approved":
    case "Rejected":
    case "Superseded":
      return [];
    default:
      return type satisfies never;
  }
}

/** Pure. Whether those who want to be told were; undefined where nobody wants to. */
export function notified(
  notifications: readonly Notification[],
  trouble: string | undefined,
): Omit<Condition, "lastTransitionTime" | "observedGeneration"> | undefined {
  if (notifications.length === 0) return undefined;
  const failed = notifications.filter(({ state }) => state === "Failed");
  const waiting = notifications.filter(({ state }) => state === "Pending");
  const type = ConditionType.Notified;
  if (waiting.length > 0 && trouble !== undefined)
    return { type, status: "False", reason: Reason.NotificationsFailed, message: `tried again: ${trouble}` };
  if (failed.length > 0) {
    const named = [...new Set(failed.map(({ policy, channel, event }) => `${event} by ${channel} of ${policy}`))];
    return { type, status: "False", reason: Reason.NotificationsFailed, message: `given up: ${named.join(", ")}` };
  }
  if (waiting.length > 0)
    return { type, status: "Unknown", reason: Reason.NotificationsPending, message: "notices are on their way" };
  return { type, status: "True", reason: Reason.NotificationsDelivered, message: "every notice was taken" };
}
