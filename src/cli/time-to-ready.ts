import { ConditionType } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { Clock } from "../machinery/clock.ts";
import { getCondition } from "../machinery/conditions.ts";
import type { ChangeHandler } from "../machinery/lister.ts";

/** What waits for its server. */
interface Waiting {
  readonly generation: number;
  readonly sinceMs: number;
}

/**
 * Measures from when a new generation of a deployment was seen until it is Ready, without the time for which it waited for a person.
 * What was there before this process is not measured: nobody knows since when it waits. Keeps something only of what waits.
 */
export function timeToReady(
  clock: Clock,
  ready: (source: string, ms: number) => void,
): ChangeHandler<RuntimeDeployment> {
  const waiting = new Map<string, Waiting>();
  return (before, after) => {
    if (after === undefined) {
      if (before) waiting.delete(before.metadata.uid);
      return;
    }
    const { uid, generation = 0 } = after.metadata;
    const phase = after.status?.phase;
    if (phase === "Stopped") {
      waiting.delete(uid);
      return;
    }
    const isNew = before === undefined ? isUntouched(after) : before.metadata.generation !== generation;
    const known = waiting.get(uid);
    // Whoever decides takes the time that it takes: it begins anew.
    if (isNew || (known && phase === "PendingApproval")) {
      waiting.set(uid, { generation, sinceMs: clock.monotonicMs() });
      return;
    }
    if (known === undefined || !isReady(after, known.generation)) return;
    waiting.delete(uid);
    ready(Object.keys(after.spec.source)[0] ?? "none", clock.monotonicMs() - known.sinceMs);
  };
}

/** Whether no controller has seen it, so that it has just been created, or as good as. */
function isUntouched({ status }: RuntimeDeployment): boolean {
  return (status?.conditions ?? []).length === 0;
}

function isReady({ status }: RuntimeDeployment, generation: number): boolean {
  const condition = getCondition(status?.conditions, ConditionType.Ready);
  return condition?.status === "True" && (condition.observedGeneration ?? 0) >= generation;
}
