import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import type { Clock } from "../../machinery/clock.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { Prober } from "../../probe/prober.ts";
import type { BackendRegistry, LiveBackend } from "../backend-registry.ts";
import { assertSameBounds, BoundsChanged } from "./enforce-bounds.ts";
import type { GuardrailSources } from "./guardrail-sources.ts";
import type { Pace } from "./holds.ts";
import { ageMs } from "./memory.ts";
import { GRACE_SECONDS, vacate } from "./moving.ts";
import { type Action, hasLostSandbox, isActive, isComplete, plan, type Trial } from "./plan.ts";
import { probeKey } from "./probing.ts";
import { changedByProfile } from "./roll.ts";
import { currentOf, instanceOf, isMoving, lookAgain, matchedGeneration, type Scope } from "./scope.ts";
import { holdBack, holdOf, setBack } from "./set-back.ts";
import { waitsForTurn } from "./take-turn.ts";
import { judge, patienceMs, type TrialResult } from "./trial.ts";
import type { Turns } from "./turns.ts";

export interface ConvergePorts {
  readonly clock: Clock;
  readonly registry: BackendRegistry;
  readonly prober: Prober;
  readonly sources: GuardrailSources;
  readonly turns: Turns;
}

/** A process that ran this long has lasted: what it did before is forgotten, as the Engine does. */
export const STEADY_MS = 10_000;
/**
 * The Engine's own pace where it starts a process again that does not last.
 * @see https://github.com/moby/moby/blob/v20.10.0/restartmanager/restartmanager.go
 */
const START_PACE: Pace = { baseMs: 100, capMs: 60_000 };

/** Plans from what was found and applies the plan. An action that fails ends it; what was done until then is reported. */
export async function converge(scope: Scope, ports: ConvergePorts): Promise<void> {
  const { upkeep, live, observed } = scope;
  if (scope.early || !live || !observed) return;
  const { clock } = ports;
  const { workload } = scope.deployment.status ?? {};
  const trial = concludeTrial(scope, ports);
  const moving = isMoving(scope);
  const hold = holdOf(scope, clock);
  const serving = serves(scope, ports);
  const waits = waitsForTurn(scope, ports, { serves: serving, failed: hold !== undefined });
  const actions = plan({
    desiredState: upkeep.desiredState,
    target: scope.target?.hash,
    restartPolicy: upkeep.restartPolicy,
    observed,
    serves: serving,
    trial,
    proven: scope.target !== undefined && scope.memory.proven === scope.target.hash,
    held: hold !== undefined || waits,
    resting: resting(scope, clock),
    // A port that was free there need not be free here.
    hostPort: moving ? undefined : workload?.hostPort,
    known: scope.known,
    replacing: scope.replacing || moving,
  });
  try {
    announce(scope, actions);
    if (mayLeave(scope, actions)) await vacate(scope, ports);
    for (const action of actions) await apply(action, scope, live, ports);
  } catch (error) {
    if (error instanceof BoundsChanged) lookAgain(scope, 0);
    else setBack(scope, clock, error);
  }
  awaitTrial(scope, ports);
  // While the next attempt waits, why the last one failed says more than the remains of it do.
  if (hold && currentOf(scope.observed)?.state.kind !== "running") scope.failure ??= hold.failure;
}

/** Whether the place where it ran before is needed no longer: it runs here, is about to, or shall not run. */
function mayLeave({ observed, upkeep }: Scope, actions: readonly Action[]): boolean {
  return (
    upkeep.desiredState === "Stopped" ||
    currentOf(observed) !== undefined ||
    actions.some(({ type }) => type === "launch")
  );
}

/** Tells once of each revision that nobody but a changed profile asks for. */
function announce(scope: Scope, actions: readonly Action[]): void {
  const { target, memory, observed } = scope;
  const current = currentOf(observed);
  if (!target || !current || memory.announced === target.hash) return;
  if (!actions.some(({ type }) => type === "launch")) return;
  const fields = fieldsChanged(scope, current);
  if (fields.length === 0) return;
  memory.announced = target.hash;
  const note = `GuardrailProfile "${target.guardrails.profile}" was changed (${fields.join(", ")}); the workload is made anew`;
  scope.notes.push({ type: "Normal", reason: Reason.GuardrailsChanged, action: "Update", note });
}

function fieldsChanged(scope: Scope, current: Workload | undefined): readonly string[] {
  const currentGeneration = current && matchedGeneration(scope, current);
  return changedByProfile({ target: scope.target, current, currentGeneration });
}

/** The newer revision in words. */
function newer(scope: Scope): string {
  const byProfile = fieldsChanged(scope, currentOf(scope.observed)).length > 0;
  return `generation ${scope.generation}${byProfile ? " under its changed profile" : ""}`;
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
  const what = `${newer(scope)} was tried and failed, the earlier one serves on: ${message}`;
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
  const message = `${newer(scope)} is tried beside the one that serves`;
  scope.step = { reason: Reason.Verifying, message };
  // An earlier failure stands until it is disproved, lest the status flap with every attempt.
  scope.failure ??= scope.memory.holds.last("revision", scope.token)?.failure;
}

/**
 * Whether the current workload is worth keeping until a newer one has proved itself: it does its work, or did a moment ago
 * and may be on its way back.
 */
function serves(scope: Scope, { clock, prober }: ConvergePorts): boolean {
  const { deployment, observed, upkeep, owner, memory } = scope;
  const current = currentOf(observed);
  if (!current) return false;
  const now = clock.monotonicMs();
  const running = current.state.kind === "running";
  const verdict = prober.verdict(probeKey(owner, "current"));
  const works = running && !hasLostSandbox(current) && (upkeep.health.probe === "none" || verdict?.kind === "ready");
  if (works) memory.worked = { id: current.id, lostAt: undefined };
  if (works || !comesBack(current, scope)) return works;
  if (memory.worked?.id === current.id) {
    const { lostAt = now } = memory.worked;
    memory.worked = { id: current.id, lostAt };
    const left = lostAt + patienceMs(upkeep.health) - now;
    if (left > 0) lookAgain(scope, left);
    return left > 0;
  }
  // What has ended may have been stopped by this controller, before it was killed itself, to be replaced.
  if (!isActive(current)) return false;
  // Shortly after the start of the controller nobody was asked yet: what the status says is the last that is known.
  const said = getCondition(deployment.status?.conditions, ConditionType.Ready)?.status === "True";
  return said && verdict?.kind !== "failed" && deployment.status?.workload?.id === current.id;
}

/** Whether its process runs, or will again by the backend's doing or this controller's. */
function comesBack(current: Workload, { upkeep }: Scope): boolean {
  return isActive(current) || (current.state.kind === "exited" && !isComplete(current, upkeep.restartPolicy));
}

/** Whether the current workload, or its sandbox, ended too soon after its last start to be started again now. */
function resting({ observed, memory, requeues }: Scope, clock: Clock): boolean {
  const current = currentOf(observed);
  if (!current || (current.state.kind !== "exited" && !hasLostSandbox(current))) return false;
  const now = clock.monotonicMs();
  // When a sandbox was lost nobody can say; that it held is seen while it does.
  if (current.state.kind === "exited" && ranMs(current, ageMs(memory, instanceOf(current), now)) >= STEADY_MS)
    memory.holds.clear("start");
  const hold = memory.holds.active("start", current.hash, now);
  if (hold) requeues.push(hold.until - now);
  return hold !== undefined;
}

/** How long its process ran: by its backend's clock where it ended, else since it was first seen. */
function ranMs({ state, startedAt }: Workload, ageMs: number): number {
  const ran = state.kind === "exited" ? Date.parse(state.at) - Date.parse(startedAt ?? "") : Number.NaN;
  return Number.isNaN(ran) ? ageMs : ran;
}

async function apply(action: Action, scope: Scope, live: LiveBackend, ports: ConvergePorts): Promise<void> {
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
      assertSameBounds(scope, ports.sources);
      const created = await backend.create(scope.target, { role: action.role, hostPort: action.hostPort }, signal);
      see(scope, created);
      assertSameBounds(scope, ports.sources);
      see(scope, await backend.start(created.id, signal), created.id);
      if (action.role === "current" && !action.incident) scope.asked = true;
      break;
    }
    case "start": {
      assertSameBounds(scope, ports.sources);
      const before = scope.observed?.find(({ id }) => id === action.id);
      const started = await backend.start(action.id, signal);
      if (action.incident) noteStart(scope, started, ports.clock);
      if (action.incident && before?.state.kind === "exited") scope.crash = before.state;
      see(scope, started, action.id);
      break;
    }
    case "repair": {
      assertSameBounds(scope, ports.sources);
      const { workload } = action;
      const starts = hasLostSandbox(workload);
      if (starts && workload.role === "current") {
        scope.mended = true;
        noteStart(scope, workload, ports.clock);
      }
      await backend.repair(workload, signal);
      scope.observed = await backend.observe(scope.owner, signal);
      // What was not running is startable by now.
      if (starts) lookAgain(scope, 0);
      break;
    }
    default:
      return action satisfies never;
  }
  if (action.incident) scope.incidents.push(action.incident);
}

/** Keeps in mind that a process was started which nobody asked for, so that one that does not last is started ever less often. */
function noteStart({ memory }: Scope, { hash }: Workload, clock: Clock): void {
  memory.holds.add("start", { token: hash, now: clock.monotonicMs(), pace: START_PACE });
}

/** Puts what a call answered in the place of what was observed before, which may have become another by a start. */
function see(scope: Scope, workload: Workload, former = workload.id): void {
  const others = (scope.observed ?? []).filter(({ id }) => id !== workload.id && id !== former);
  scope.observed = workload.role === "current" ? [workload, ...others] : [...others, workload];
}
