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
  const ran = deployment.status?.workload?.id === current.id && isSaidToRun(scope);
  const isAlive = current.state.kind !== "exited" && current.state.kind !== "created";
  if (isAlive || ran) memory.alive = current.id;
  return memory.alive !== current.id && !isLetThrough(scope, current);
}

/** Whether something of the deployment runs, or ended by itself and is on its way back, by what is known without asking its backend. */
export function isRunning(scope: Scope): boolean {
  const id = scope.deployment.status?.workload?.id;
  return id !== undefined && (scope.memory.alive === id || isSaidToRun(scope));
}

function isSaidToRun({ deployment }: Scope): boolean {
  return getCondition(deployment.status?.conditions, ConditionType.WorkloadAvailable)?.status === "True";
}

/** Whether a workload is of the version that was let through, also where nobody can say yet how that is made. */
function isLetThrough({ target, spec, digest, deployment }: Scope, { id, hash }: Workload): boolean {
  if (target) return hash === target.hash;
  const { workload } = deployment.status ?? {};
  return spec !== undefined && workload?.id === id && workload.digest !== undefined && digest === workload.digest;
}
