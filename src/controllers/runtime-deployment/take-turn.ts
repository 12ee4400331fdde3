import { formatKey } from "../../api/meta.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../machinery/clock.ts";
import { rollOf } from "./roll.ts";
import { currentOf, lookAgain, matchedGeneration, type Scope } from "./scope.ts";
import type { Turns } from "./turns.ts";

export interface TurnPorts {
  readonly clock: Clock;
  readonly turns: Turns;
}

/**
 * Whether this deployment has to wait since others of its profile are made anew first: what a changed profile breaks, it then
 * breaks once. Says so in `step`.
 */
export function waitsForTurn(
  scope: Scope,
  { clock, turns }: TurnPorts,
  { serves, failed }: { serves: boolean; failed: boolean },
): boolean {
  const key = formatKey(scope.owner);
  const now = clock.monotonicMs();
  const current = currentOf(scope.observed);
  const currentGeneration = current && matchedGeneration(scope, current);
  const { target } = scope;
  const roll = rollOf({ target, current, currentGeneration, serves, failed });
  if (roll === "over") turns.giveBack(key, now);
  if (roll !== "due" || !target) return false;
  const { profile } = target.guardrails;
  if (turns.take(key, profile, now)) return false;
  lookAgain(scope, turns.remainingMs(profile, now));
  const message = `GuardrailProfile "${profile}" was changed; its deployments are made anew one at a time, and this one waits for its turn`;
  scope.step = { reason: Reason.GuardrailsChanged, message };
  // Why the last attempt failed stands until another has disproved it.
  scope.failure ??= scope.memory.holds.last("revision", scope.token)?.failure;
  return true;
}
