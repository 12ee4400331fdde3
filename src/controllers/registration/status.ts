import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment, RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import { getCondition, removeCondition, setCondition } from "../../machinery/conditions.ts";
import type { EventNote } from "../../machinery/event-recorder.ts";

export type Registration = NonNullable<RuntimeDeploymentStatus["registrations"]>[number];

/** How a deployment stands with one gateway. */
export interface Standing {
  readonly gateway: string;
  readonly status: Condition["status"];
  readonly reason: string;
  readonly message: string;
}

const WORST: readonly Condition["status"][] = ["False", "Unknown", "True"];
/** Reasons that nobody has to do anything about. */
const ORDINARY: ReadonlySet<string> = new Set([
  Reason.Registered,
  Reason.WaitsForReady,
  Reason.RegistrationInactive,
  Reason.RegistrationPending,
]);

/** Pure. What is written of registrations: nothing of the status that is the deployment controller's changes. */
export function summarize(
  { metadata: { generation = 0 }, status }: RuntimeDeployment,
  registrations: readonly Registration[],
  standings: readonly Standing[],
  now: Date,
): Pick<RuntimeDeploymentStatus, "conditions" | "registrations"> {
  const before = status?.conditions ?? [];
  const next = conditionOf(standings);
  const conditions = next
    ? setCondition(before, { ...next, observedGeneration: generation }, now)
    : removeCondition(before, ConditionType.Registered);
  return {
    conditions: [...conditions],
    ...(registrations.length > 0 && { registrations: [...registrations] }),
  };
}

/** Its reason is that of the gateway where it stands worst. */
function conditionOf(standings: readonly Standing[]): Omit<Condition, "lastTransitionTime"> | undefined {
  const [worst] = [...standings].sort((a, b) => WORST.indexOf(a.status) - WORST.indexOf(b.status));
  if (!worst) return undefined;
  const message = standings.map((each) => `${each.gateway}: ${each.message}`).join("; ");
  return { type: ConditionType.Registered, status: worst.status, reason: worst.reason, message };
}

/** Pure. The event of what became of it, where that is news. */
export function registrationNews(
  before: readonly Condition[] | undefined,
  after: readonly Condition[] | undefined,
): EventNote | undefined {
  const last = getCondition(before, ConditionType.Registered);
  const next = getCondition(after, ConditionType.Registered);
  if (!next || (last?.status === next.status && last.reason === next.reason)) return undefined;
  const type = ORDINARY.has(next.reason) ? "Normal" : "Warning";
  return { type, reason: next.reason, action: "Register", note: next.message };
}
