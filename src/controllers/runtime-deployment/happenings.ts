import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { EventNote } from "../../machinery/event-recorder.ts";
import { buildNews } from "./build-record.ts";
import { guardrailNews } from "./guardrails-applied.ts";
import type { Incident } from "./plan.ts";

const ACTIONS = {
  Restarted: "Start",
  Recreated: "Create",
  Repaired: "Repair",
  BackendUnavailable: "Delete",
  GuardrailsTooWide: "Delete",
} as const satisfies Record<Incident["reason"], string>;
/** Reasons of Ready=False that are no failure. */
const ORDINARY: ReadonlySet<string> = new Set([Reason.Stopped, Reason.Completed, Reason.Deleting]);

/** Pure. The events of what was repaired, or started again by the backend. */
export function repairs(incidents: readonly Incident[]): EventNote[] {
  return incidents.map(({ reason, message }) => ({ type: "Warning", reason, action: ACTIONS[reason], note: message }));
}

/** Pure. The events of what became of a deployment, where that is news. */
export function news(before: RuntimeDeploymentStatus | undefined, after: RuntimeDeploymentStatus): EventNote[] {
  const changed = (type: string) => {
    const next = getCondition(after.conditions, type);
    const last = getCondition(before?.conditions, type);
    return next && (last?.reason !== next.reason || last.status !== next.status) ? next : undefined;
  };
  const notes: EventNote[] = [];
  const ready = changed(ConditionType.Ready);
  if (ready && (ready.status === "True" || after.phase === "Error" || ORDINARY.has(ready.reason))) {
    const type = after.phase === "Error" ? "Warning" : "Normal";
    notes.push({ type, reason: ready.reason, action: "Reconcile", note: ready.message });
  }
  const stalled = changed(ConditionType.Stalled);
  if (stalled && stalled.reason !== ready?.reason)
    notes.push({ type: "Warning", reason: stalled.reason, action: "Update", note: stalled.message });
  const build = buildNews(before?.build, after.build);
  // The reason that it is not ready may tell the same.
  if (build && !notes.some(({ note }) => note === build.note)) notes.push(build);
  const guardrails = guardrailNews(before, after);
  if (guardrails) notes.push(guardrails);
  return notes;
}
