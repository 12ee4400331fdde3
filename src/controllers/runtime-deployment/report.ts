import type { ObjectKey } from "../../api/meta.ts";
import type { Workload } from "../../backends/backend.ts";
import { instanceOf } from "../../backends/workload-endpoint.ts";
import { profileNameOf } from "../../effective-spec/effective-spec.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Prober } from "../../probe/prober.ts";
import { isAsleep } from "./asleep.ts";
import type { Facts } from "./facts.ts";
import { boundStatus, guardrailStatus, limitStatus } from "./guardrails-applied.ts";
import { ageMs, keepAges } from "./memory.ts";
import { hasLostSandbox, isComplete } from "./plan.ts";
import { probeKey } from "./probing.ts";
import { countRestarts } from "./restarts.ts";
import { currentOf, isMoving, lookAgain, type Scope } from "./scope.ts";
import { isUpToDate, servedSpec } from "./served-spec.ts";
import { STEADY_MS } from "./start-pace.ts";

export interface ReportPorts {
  readonly clock: Clock;
  readonly prober: Prober;
  /** What clients reach a deployment by. */
  readonly publicUrl: (key: ObjectKey) => string;
}

/** What was found in this reconcile, as the values that a status is made from. Also settles what is remembered. */
export function factsOf(scope: Scope, { clock, prober, publicUrl }: ReportPorts): Facts {
  const { deployment, memory, observed, upkeep } = scope;
  const current = currentOf(observed) ?? scope.former?.workload;
  const { health, desiredState } = deployment.spec;
  const verdict = prober.verdict(probeKey(scope.owner, "current"));
  const now = clock.monotonicMs();
  const age = current ? ageMs(memory, instanceOf(current), now) : 0;
  keepAges(memory, new Set(observed?.map(instanceOf)));
  const patience = health.periodSeconds * 1000 * health.failureThreshold;
  const awaited = current?.state.kind === "running" && verdict?.kind === "pending";
  if (awaited && age < patience) lookAgain(scope, patience - age);

  const served = current && servedSpec(scope, current);
  const facts: Facts = {
    generation: deployment.metadata.generation ?? 0,
    driven: scope.generation,
    digest: scope.digest,
    gated: scope.gated,
    approval: scope.approval,
    desiredState,
    restartPolicy: upkeep.restartPolicy,
    probe: health.probe,
    transport: (served ?? scope.upkeep).transport,
    publicUrl: publicUrl(scope.owner),
    backend: scope.former?.backend ?? scope.live?.name,
    observed: observed !== undefined,
    current,
    upToDate: current !== undefined && !scope.former && isUpToDate(scope, current),
    verdict,
    failureThreshold: health.failureThreshold,
    overdue: awaited && age >= patience,
    backingOff: current?.state.kind === "exited" && memory.holds.active("start", current.hash, now) !== undefined,
    crash: scope.crash,
    restartCount: countStarts(scope),
    ...guardrailFacts(scope, current),
    reachNotes: [...(scope.spec?.reachNotes ?? []), ...scope.wiringNotes],
    asleep: current !== undefined && isAsleep(scope, current),
    accepted: scope.accepted,
    image: scope.image,
    build: scope.build,
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
  const wanted = replacing || scope.asked || isMoving(scope);
  // A place that replaces by itself has one workload for all revisions.
  const inPlace = scope.live?.backend.update !== undefined;
  const asked = known === undefined || inPlace || (another && wanted && !scope.mended);
  memory.starts = countRestarts(before, current, asked);
  const unasked = memory.starts.count - before.count;
  if (unasked > 0 && scope.incidents.length === 0) {
    const message = "the process had ended; the backend started it again";
    scope.incidents.push({ reason: "Restarted", message });
  }
  return memory.starts.count;
}

/** Speaks of what runs, where something does: a newer spec may be refused, or wait. */
function guardrailFacts(scope: Scope, current: Workload | undefined): Pick<Facts, "guardrails" | "limitNotes"> {
  const { deployment, spec, live, backendType: type } = scope;
  const bounds = scope.bounds.known;
  const { bounds: _, ...said } = deployment.status?.guardrails ?? {};
  const capabilities = live?.health?.capabilities?.guardrails;
  const backend = live && capabilities && !scope.former ? { name: live.name, type, capabilities } : undefined;
  const outdated = current !== undefined && !isUpToDate(scope, current);
  if (backend && spec && !outdated) {
    const { guardrails, limits, limitNotes } = spec;
    return {
      guardrails: guardrailStatus({ guardrails, limits: limitStatus(limits, live?.defaults ?? {}), bounds }, backend),
      limitNotes,
    };
  }
  if (backend && outdated && current.guardrails) {
    const made = { guardrails: current.guardrails, limits: said.limits, bounds };
    return { guardrails: guardrailStatus(made, backend), limitNotes: [] };
  }
  const kept = current || !scope.observed ? said : { profile: profileNameOf(deployment.spec) };
  return { guardrails: { ...kept, ...boundStatus(bounds) }, limitNotes: [] };
}

/** Lets go of what an attempt that worked has disproved. */
function settle(
  scope: Scope,
  { current, upToDate, verdict, observed, probe, restartPolicy, failure }: Facts,
  age: number,
): void {
  const { memory, target } = scope;
  if (observed && failure?.kind !== "unreachable") memory.holds.clear("backend");
  if (!current) return;
  if (upToDate) memory.proven = undefined;
  const running = current.state.kind === "running";
  if (running && !hasLostSandbox(current) && memory.holds.last("start", current.hash)) {
    if (age >= STEADY_MS) memory.holds.clear("start");
    else lookAgain(scope, STEADY_MS - age);
  }
  const unasked = probe === "none" || current.unreachable !== undefined;
  const lasts = running && (unasked ? age >= STEADY_MS : verdict?.kind === "ready");
  // Beside a target that cannot be told, what runs says nothing of the attempt at it.
  if (target && upToDate && (lasts || isComplete(current, restartPolicy))) memory.holds.clear("revision");
}
