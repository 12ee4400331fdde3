import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import { instanceOf } from "../../backends/workload-endpoint.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { Drainer } from "./drainer.ts";
import type { Action } from "./plan.ts";
import { currentOf, lookAgain, type Scope } from "./scope.ts";

export interface Ending {
  readonly actions: readonly Action[];
  /** Whether the current workload does its work. */
  readonly serves: boolean;
  /** Whether what runs at another backend is about to be ended. */
  readonly leaves: boolean;
}

/**
 * Whether what serves is to be ended, and its clients still wait for answers: then nothing is done in this look, and another
 * one comes when they have them. What has failed is not waited for, nor what nobody lets run any longer.
 */
export async function waitsForClients(scope: Scope, ending: Ending, drainer: Drainer): Promise<boolean> {
  const { owner, upkeep } = scope;
  const leaving = aboutToEnd(scope, ending);
  if (leaving === undefined) {
    const current = currentOf(scope.observed) ?? scope.former?.workload;
    drainer.spare(owner, current?.state.kind === "running" ? instanceOf(current) : undefined);
    return false;
  }
  if (isForbidden(scope)) return false;
  const waitMs = await drainer.waitMs(owner, instanceOf(leaving), upkeep.desiredState !== "Stopped");
  if (waitMs === 0) return false;
  lookAgain(scope, waitMs);
  scope.step = {
    reason: Reason.Draining,
    message: "what serves ends when the requests under way at it have their answers",
  };
  return true;
}

/** Whether it stops against what its spec asks, since a policy wants nothing to run until somebody has said yes. */
function isForbidden({ upkeep, deployment }: Scope): boolean {
  return upkeep.desiredState === "Stopped" && deployment.spec.desiredState !== "Stopped";
}

function aboutToEnd(scope: Scope, { actions, serves, leaves }: Ending): Workload | undefined {
  const current = currentOf(scope.observed);
  const isEnded = actions.some(
    (action) => (action.type === "delete" || action.type === "stop") && action.id === current?.id,
  );
  if (current?.state.kind === "running" && serves && isEnded) return current;
  const former = scope.former?.workload;
  const said = getCondition(scope.deployment.status?.conditions, ConditionType.Ready)?.status === "True";
  return leaves && said && former?.state.kind === "running" ? former : undefined;
}
