import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";

export type Phase = NonNullable<RuntimeDeploymentStatus["phase"]>;

/** Steps before anything exists outside. */
const BEFORE: ReadonlySet<string> = new Set([Reason.Pending, Reason.ResolvingImage, Reason.Pulling]);
/** Steps of something that exists or is being made. */
const DURING: ReadonlySet<string> = new Set([
  Reason.Creating,
  Reason.Starting,
  Reason.Stopping,
  Reason.Replacing,
  Reason.Verifying,
  Reason.Probing,
]);

/** Pure. The summary of the conditions that `kubectl get` shows; nothing else goes into it. */
export function phaseOf(conditions: readonly Pick<Condition, "type" | "status" | "reason">[]): Phase {
  const ready = conditions.find(({ type }) => type === ConditionType.Ready);
  if (!ready) return "Pending";
  if (ready.status === "True") return ready.reason === Reason.Connected ? "Connected" : "Running";
  if (ready.reason === Reason.Deleting) return "Deleting";
  if (ready.reason === Reason.Stopped || ready.reason === Reason.Completed) return "Stopped";
  if (ready.reason === Reason.PendingApproval) return "PendingApproval";
  if (ready.reason === Reason.Building) return "Building";
  if (BEFORE.has(ready.reason)) return "Pending";
  return DURING.has(ready.reason) ? "Deploying" : "Error";
}
