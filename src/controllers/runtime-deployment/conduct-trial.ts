import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import { instanceOf } from "../../backends/workload-endpoint.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Prober } from "../../probe/prober.ts";
import { ageMs } from "./memory.ts";
import type { Action, Trial } from "./plan.ts";
import { probeKey } from "./probing.ts";
import { changedByProfile } from "./roll.ts";
import { currentOf, lookAgain, matchedGeneration, type Scope } from "./scope.ts";
import { holdBack } from "./set-back.ts";
import { judge, type TrialResult } from "./trial.ts";

export interface TrialPorts {
  readonly clock: Clock;
  readonly prober: Prober;
}

/** Tells once of each revision that nobody but a changed profile asks for. */
export function announce(scope: Scope, actions: readonly Action[]): void {
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
export function concludeTrial(scope: Scope, ports: TrialPorts): Trial {
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

function judged(scope: Scope, { clock, prober }: TrialPorts): TrialResult | undefined {
  const candidate = scope.observed?.find(({ role, hash }) => role === "candidate" && hash === scope.target?.hash);
  if (!candidate || !scope.spec) return undefined;
  const verdict = prober.verdict(probeKey(scope.owner, "candidate"));
  const age = ageMs(scope.memory, instanceOf(candidate), clock.monotonicMs());
  return judge({ candidate, spec: scope.spec, verdict, ageMs: age });
}

/** Says that a trial is on, and asks for a look when it has lasted long enough. */
export function awaitTrial(scope: Scope, ports: TrialPorts): void {
  const result = judged(scope, ports);
  if (result?.kind !== "pending") return;
  if (result.recheckMs !== undefined) lookAgain(scope, result.recheckMs);
  const message = `${newer(scope)} is tried beside the one that serves`;
  scope.step = { reason: Reason.Verifying, message };
  // An earlier failure stands until it is disproved, lest the status flap with every attempt.
  scope.failure ??= scope.memory.holds.last("revision", scope.token)?.failure;
}
