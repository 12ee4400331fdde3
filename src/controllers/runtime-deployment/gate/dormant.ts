import { ConditionType } from "../../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../../backends/backend.ts";
import { getCondition } from "../../../machinery/conditions.ts";
import { currentOf, type Scope } from "../scope.ts";

/**
 * Whether what is there may not be started, since it was not let through and did not run: it was stopped on request, or made and
 * never started, before somebody wanted to be asked. A process that ended by itself was running, and may go on. Remembers what
 * runs; after a restart of the controller what the status says of it counts.
 */
export function isDormant(scope: Scope): boolean {
  const { gated, memory, upkeep, deployment, observed } = scope;
  const current = currentOf(observed);
  if (!gated || upkeep.desiredState === "Stopped" || !current) {
    memory.alive = undefined;
    return false;
  }
  const { workload, conditions } = deployment.status ?? {};
  const ran =
    getCondition(conditions, ConditionType.WorkloadAvailable)?.status === "True" && workload?.id === current.id;
  const isAlive = current.state.kind !== "exited" && current.state.kind !== "created";
  if (isAlive || ran) memory.alive = current.id;
  return memory.alive !== current.id && !isLetThrough(scope, current);
}

/** Whether a workload is of the version that was let through, also where nobody can say yet how that is made. */
function isLetThrough({ target, spec, digest, deployment }: Scope, { id, hash }: Workload): boolean {
  if (target) return hash === target.hash;
  const { workload } = deployment.status ?? {};
  return spec !== undefined && workload?.id === id && workload.digest !== undefined && digest === workload.digest;
}
