import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import { instanceOf } from "../../backends/workload-endpoint.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { Prober } from "../../probe/prober.ts";
import { probeKey } from "./probing.ts";
import { isProbed, lookAgain, type Scope } from "./scope.ts";

/** How long it counts as connected that a server answered which is not asked again. */
const AWAKE_MS = 5_000;

/**
 * Whether a workload that its place may leave without an instance has answered a probe, as this revision. It is asked no more
 * then, since every question would wake it.
 */
export function isAsleep({ memory, deployment }: Scope, current: Workload): boolean {
  if (!current.scalesToZero || current.state.kind !== "running") return false;
  const { workload, conditions } = deployment.status ?? {};
  const said = getCondition(conditions, ConditionType.Ready);
  const before =
    said?.status === "True" &&
    said.reason === Reason.ScaledToZero &&
    workload?.id === current.id &&
    workload.startedAt === current.startedAt;
  return before || memory.answered === instanceOf(current);
}

/** Lets a workload go to sleep that has answered, once its status says so. */
export function letSleep(scope: Scope, current: Workload | undefined, prober: Prober): void {
  if (!current?.scalesToZero || !isProbed(current, scope.upkeep)) return;
  const key = probeKey(scope.owner, "current");
  if (prober.verdict(key)?.kind !== "ready") return;
  scope.memory.answered = instanceOf(current);
  prober.forget(key);
  lookAgain(scope, AWAKE_MS);
}
