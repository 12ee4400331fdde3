import { ConditionType } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import type { Clock } from "../../machinery/clock.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { Prober } from "../../probe/prober.ts";
import type { BackendRegistry, LiveBackend } from "../backend-registry.ts";
import { apply, type RepairKind } from "./apply.ts";
import { isAsleep } from "./asleep.ts";
import { announce, awaitTrial, concludeTrial } from "./conduct-trial.ts";
import type { Drainer } from "./drainer.ts";
import { waitsForClients } from "./draining.ts";
import { BoundsChanged } from "./enforce-bounds.ts";
import { isDormant } from "./gate/dormant.ts";
import type { GuardrailSources } from "./guardrail-sources.ts";
import { vacate } from "./moving.ts";
import { type Action, hasLostSandbox, isActive, isComplete, plan } from "./plan.ts";
import { probeKey } from "./probing.ts";
import { awaitRollout, concludeRollout } from "./rollout.ts";
import { currentOf, isMoving, isProbed, lookAgain, type Scope } from "./scope.ts";
import { holdOf, setBack } from "./set-back.ts";
import { resting } from "./start-pace.ts";
import { waitsForTurn } from "./take-turn.ts";
import { patienceMs } from "./trial.ts";
import type { Turns } from "./turns.ts";
import { whatWasGone } from "./what-runs.ts";

export interface ConvergePorts {
  readonly clock: Clock;
  readonly registry: BackendRegistry;
  readonly prober: Prober;
  readonly sources: GuardrailSources;
  readonly turns: Turns;
  readonly drainer: Drainer;
  readonly repaired: ((backend: string, what: RepairKind) => void) | undefined;
}

/** Plans from what was found and applies the plan. An action that fails ends it; what was done until then is reported. */
export async function converge(scope: Scope, ports: ConvergePorts): Promise<void> {
  const { upkeep, live, observed } = scope;
  if (scope.early || !live || !observed) return;
  const { clock } = ports;
  const { workload } = scope.deployment.status ?? {};
  const trial = concludeTrial(scope, ports);
  concludeRollout(scope, clock);
  const moving = isMoving(scope);
  const hold = holdOf(scope, clock);
  const serving = serves(scope, ports);
  const waits = waitsForTurn(scope, ports, { serves: serving, failed: hold !== undefined });
  const actions = plan({
    desiredState: upkeep.desiredState,
    target: scope.target?.hash,
    gone: whatWasGone(scope.target ?? {}),
    restartPolicy: upkeep.restartPolicy,
    observed,
    serves: serving,
    trial,
    proven: scope.target !== undefined && scope.memory.proven === scope.target.hash,
    held: hold !== undefined || waits,
    resting: resting(scope, clock),
    dormant: isDormant(scope),
    inPlace: live.backend.update !== undefined,
    excluded: isExcluded(scope, live),
    // A port that was free there need not be free here.
    hostPort: moving ? undefined : workload?.hostPort,
    known: scope.known,
    replacing: scope.replacing || moving,
  });
  const leaves = mayLeave(scope, actions);
  if (await waitsForClients(scope, { actions, serves: serving, leaves }, ports.drainer)) return;
  try {
    announce(scope, actions);
    if (leaves) await vacate(scope, ports);
    for (const action of actions) await apply(action, scope, live, ports);
  } catch (error) {
    if (error instanceof BoundsChanged) lookAgain(scope, 0);
    else setBack(scope, clock, error);
  }
  awaitTrial(scope, ports);
  awaitRollout(scope);
  // While the next attempt waits, why the last one failed says more than the remains of it do.
  if (hold && currentOf(scope.observed)?.state.kind !== "running") scope.failure ??= hold.failure;
}

function isExcluded({ target, observed }: Scope, { backend }: LiveBackend): boolean {
  const current = currentOf(observed);
  return target !== undefined && current !== undefined && (backend.excludes?.(current, target) ?? false);
}

/** Whether the place where it ran before is needed no longer: it runs here, is about to, or shall not run. */
function mayLeave({ observed, upkeep }: Scope, actions: readonly Action[]): boolean {
  return (
    upkeep.desiredState === "Stopped" ||
    currentOf(observed) !== undefined ||
    actions.some(({ type }) => type === "launch")
  );
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
  const answers = !isProbed(current, upkeep) || isAsleep(scope, current) || verdict?.kind === "ready";
  const works = running && !hasLostSandbox(current) && answers;
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
