import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import type { Clock } from "../../machinery/clock.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { Prober } from "../../probe/prober.ts";
import type { BackendRegistry, LiveBackend } from "../backend-registry.ts";
import { ageMs } from "./memory.ts";
import { GRACE_SECONDS, vacate } from "./moving.ts";
import { type Action, isActive, plan, type Trial } from "./plan.ts";
import { probeKey } from "./probing.ts";
import { currentOf, instanceOf, isMoving, lookAgain, type Scope } from "./scope.ts";
import { holdBack, holdOf, setBack } from "./set-back.ts";
import { judge, patienceMs, type TrialResult } from "./trial.ts";

export interface ConvergePorts {
  readonly clock: Clock;
  readonly registry: BackendRegistry;
  readonly prober: Prober;
}

/** Plans from what was found and applies the plan. An action that fails ends it; what was done until then is reported. */
export async function converge(scope: Scope, ports: ConvergePorts): Promise<void> {
  const { spec, live, observed } = scope;
  if (!spec || !live || !observed) return;
  const { clock } = ports;
  const { workload } = scope.deployment.status ?? {};
  const trial = concludeTrial(scope, ports);
  const moving = isMoving(scope);
  const hold = holdOf(scope, clock);
  const actions = plan({
    desiredState: spec.desiredState,
    target: scope.target?.hash,
    restartPolicy: spec.restartPolicy,
    observed,
    serves: serves(scope, ports),
    trial,
    proven: scope.target !== undefined && scope.memory.proven === scope.target.hash,
    held: hold !== undefined,
    resting: resting(scope, clock),
    // A port that was free there need not be free here.
    hostPort: moving ? undefined : workload?.hostPort,
    known: scope.known,
    replacing: scope.replacing || moving,
  });
  try {
    if (mayLeave(scope, actions)) await vacate(scope, ports);
    for (const action of actions) await apply(action, scope, live, clock);
  } catch (error) {
    setBack(scope, clock, error);
  }
  awaitTrial(scope, ports);
  // While the next attempt waits, why the last one failed says more than the remains of it do.
  if (hold && currentOf(scope.observed)?.state.kind !== "running") scope.failure ??= hold.failure;
}

/** Whether the place where it ran before is needed no longer: it runs here, is about to, or shall not run. */
function mayLeave({ observed, spec }: Scope, actions: readonly Action[]): boolean {
  return (
    spec?.desiredState === "Stopped" ||
    currentOf(observed) !== undefined ||
    actions.some(({ type }) => type === "launch")
  );
}

/** Looks how the candidate does, and keeps in mind what that means for its revision. */
function concludeTrial(scope: Scope, ports: ConvergePorts): Trial {
  const result = judged(scope, ports);
  if (!result || result.kind === "pending" || !scope.target) return "pending";
  if (result.kind === "passed") {
    scope.memory.proven = scope.target.hash;
    return "passed";
  }
  const { reason, message } = result.failure;
  const what = `generation ${scope.generation} was tried and failed, the earlier one serves on: ${message}`;
  holdBack(scope, ports.clock, { kind: "retried", reason, message: what });
  return "failed";
}

function judged(scope: Scope, { clock, prober }: ConvergePorts): TrialResult | undefined {
  const candidate = scope.observed?.find(({ role, hash }) => role === "candidate" && hash === scope.target?.hash);
  if (!candidate || !scope.spec) return undefined;
  const verdict = prober.verdict(probeKey(scope.owner, "candidate"));
  const age = ageMs(scope.memory, instanceOf(candidate), clock.monotonicMs());
  return judge({ candidate, spec: scope.spec, verdict, ageMs: age });
}

/** Says that a trial is on, and asks for a look when it has lasted long enough. */
function awaitTrial(scope: Scope, ports: ConvergePorts): void {
  const result = judged(scope, ports);
  if (result?.kind !== "pending") return;
  if (result.recheckMs !== undefined) lookAgain(scope, result.recheckMs);
  const message = `generation ${scope.generation} is tried beside the one that serves`;
  scope.step = { reason: Reason.Verifying, message };
  // An earlier failure stands until it is disproved, lest the status flap with every attempt.
  scope.failure ??= scope.memory.holds.last("revision", scope.token)?.failure;
}

/**
 * Whether the current workload is worth keeping until a newer one has proved itself: it does its work, or did a moment ago
 * and may be on its way back.
 */
function serves(scope: Scope, { clock, prober }: ConvergePorts): boolean {
  const { deployment, observed, spec, owner, memory } = scope;
  const current = currentOf(observed);
  if (!current || !spec) return false;
  const now = clock.monotonicMs();
  const running = current.state.kind === "running";
  const verdict = prober.verdict(probeKey(owner, "current"));
  const works = running && (spec.health.probe === "none" || verdict?.kind === "ready");
  if (works) memory.worked = { id: current.id, lostAt: undefined };
  if (works || !isActive(current)) return works;
  if (memory.worked?.id === current.id) {
    const { lostAt = now } = memory.worked;
    memory.worked = { id: current.id, lostAt };
    const left = lostAt + patienceMs(spec.health) - now;
    if (left > 0) lookAgain(scope, left);
    return left > 0;
  }
  // Shortly after the start of the controller nobody was asked yet: what the status says is the last that is known.
  const said = getCondition(deployment.status?.conditions, ConditionType.Ready)?.status === "True";
  return said && verdict?.kind !== "failed" && deployment.status?.workload?.id === current.id;
}

/** Whether the current workload ended too soon after its last start to be started again now. */
function resting({ observed, memory, requeues }: Scope, clock: Clock): boolean {
  const current = currentOf(observed);
  if (current?.state.kind !== "exited") return false;
  const now = clock.monotonicMs();
  const hold = memory.holds.active("start", current.hash, now);
  if (hold) requeues.push(hold.until - now);
  return hold !== undefined;
}

async function apply(action: Action, scope: Scope, live: LiveBackend, clock: Clock): Promise<void> {
  const { backend } = live;
  const { signal } = scope;
  switch (action.type) {
    case "delete":
      if (action.graceful) await backend.stop(action.id, GRACE_SECONDS, signal);
      await backend.delete(action.id, signal);
      scope.observed = scope.observed?.filter(({ id }) => id !== action.id);
      return;
    case "stop":
      await backend.stop(action.id, GRACE_SECONDS, signal);
      scope.observed = await backend.observe(scope.owner, signal);
      return;
    case "launch": {
      if (!scope.target) return;
      const created = await backend.create(scope.target, { role: action.role, hostPort: action.hostPort }, signal);
      see(scope, created);
      see(scope, await backend.start(created.id, signal));
      if (action.role === "current" && !action.incident) scope.asked = true;
      break;
    }
    case "start": {
      const started = await backend.start(action.id, signal);
      if (action.incident) scope.memory.holds.add("start", { token: started.hash, now: clock.monotonicMs() });
      see(scope, started);
      break;
    }
    case "repair":
      await backend.repair(action.workload, signal);
      scope.observed = await backend.observe(scope.owner, signal);
      break;
    default:
      return action satisfies never;
  }
  if (action.incident) scope.incidents.push(action.incident);
}

/** Puts what a call answered in the place of what was observed before. */
function see(scope: Scope, workload: Workload): void {
  const others = (scope.observed ?? []).filter(({ id }) => id !== workload.id);
  scope.observed = workload.role === "current" ? [workload, ...others] : [...others, workload];
}
