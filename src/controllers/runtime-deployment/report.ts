import type { Clock } from "../../machinery/clock.ts";
import type { Prober } from "../../probe/prober.ts";
import type { Facts } from "./facts.ts";
import { ageMs, keepAges } from "./memory.ts";
import { isComplete } from "./plan.ts";
import { probeKey } from "./probing.ts";
import { countRestarts } from "./restarts.ts";
import { currentOf, instanceOf, isMoving, lookAgain, type Scope } from "./scope.ts";
import { isUpToDate, servedSpec } from "./served-spec.ts";

/** A process that is not probed and ran this long counts as one that lasts. */
const STEADY_MS = 10_000;

/** What was found in this reconcile, as the values that a status is made from. Also settles what is remembered. */
export function factsOf(scope: Scope, { clock, prober }: { clock: Clock; prober: Prober }): Facts {
  const { deployment, memory, observed, generation } = scope;
  const current = currentOf(observed) ?? scope.former?.workload;
  const { health, desiredState, restartPolicy } = deployment.spec;
  const verdict = prober.verdict(probeKey(scope.owner, "current"));
  const now = clock.monotonicMs();
  const age = current ? ageMs(memory, instanceOf(current), now) : 0;
  keepAges(memory, new Set(observed?.map(instanceOf)));
  const patience = health.periodSeconds * 1000 * health.failureThreshold;
  const awaited = current?.state.kind === "running" && verdict?.kind === "pending";
  if (awaited && age < patience) lookAgain(scope, patience - age);

  const facts: Facts = {
    generation,
    desiredState,
    restartPolicy,
    probe: health.probe,
    path: (current && servedSpec(scope, current)?.transport.path) ?? scope.spec?.transport.path ?? "",
    backend: scope.former?.backend ?? scope.live?.name,
    observed: observed !== undefined,
    current,
    upToDate: current !== undefined && !scope.former && isUpToDate(scope, current),
    verdict,
    failureThreshold: health.failureThreshold,
    overdue: awaited && age >= patience,
    backingOff: memory.holds.active("start", current?.hash ?? "", now) !== undefined,
    restartCount: countStarts(scope),
    accepted: scope.accepted,
    image: scope.image,
    step: scope.step,
    failure: scope.failure,
    deleting: undefined,
  };
  if (currentOf(observed)) memory.instance = scope.live?.instance;
  settle(scope, facts, age);
  return facts;
}

/** Counts what started since the last look, and tells of starts that the backend made by itself. */
function countStarts(scope: Scope): number {
  const { memory, deployment, known, replacing } = scope;
  const current = currentOf(scope.observed) ?? scope.former?.workload;
  const recorded = deployment.status?.workload;
  const before = memory.starts ?? {
    id: recorded?.id,
    startedAt: recorded?.startedAt,
    platformRestarts: undefined,
    count: recorded?.restartCount ?? 0,
  };
  const another = current?.id !== known;
  const asked = known === undefined || (another && (replacing || scope.asked || isMoving(scope)));
  memory.starts = countRestarts(before, current, asked);
  const unasked = memory.starts.count - before.count;
  if (unasked > 0 && scope.incidents.length === 0) {
    const message = "the process had ended; the backend started it again";
    scope.incidents.push({ reason: "Restarted", message });
  }
  return memory.starts.count;
}

/** Lets go of what an attempt that worked has disproved. */
function settle(
  { memory }: Scope,
  { current, upToDate, verdict, observed, probe, restartPolicy, failure }: Facts,
  age: number,
): void {
  if (observed && failure?.kind !== "unreachable") memory.holds.clear("backend");
  if (!current) return;
  if (upToDate) memory.proven = undefined;
  const lasts = current.state.kind === "running" && (probe === "none" ? age >= STEADY_MS : verdict?.kind === "ready");
  if (lasts) memory.holds.clear("start");
  if (upToDate && (lasts || isComplete(current, restartPolicy))) memory.holds.clear("revision");
}
