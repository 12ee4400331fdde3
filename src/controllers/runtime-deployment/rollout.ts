import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Trouble, Workload } from "../../backends/backend.ts";
import type { Clock } from "../../machinery/clock.ts";
import { askedHash, currentOf, type Scope } from "./scope.ts";
import { holdBack } from "./set-back.ts";

/** A place needs longer for an attempt than the controller for another question: a minute, then twice as long each time. */
const LEAST_HOLD_MS = 60_000;

/** Takes into account, once for each attempt, that a place could not bring up what is asked for. */
export function concludeRollout(scope: Scope, clock: Clock): void {
  const current = currentOf(scope.observed);
  const { memory, target } = scope;
  const trouble = current && troubleOf(current);
  if (!current || !trouble || askedHash(current) !== target?.hash) return;
  const attempt = current.rollout?.id ?? `${current.id}@${current.startedAt}`;
  if (memory.failedRollout === attempt) return;
  memory.failedRollout = attempt;
  const failures = memory.holds.last("revision", scope.token)?.failures ?? 0;
  holdBack(
    scope,
    clock,
    { kind: "retried", ...told(scope, current, trouble) },
    LEAST_HOLD_MS * 2 ** Math.min(failures, 4),
  );
}

/** Says what becomes of a revision that its place tries while the earlier one serves, or why it does not. */
export function awaitRollout(scope: Scope): void {
  const current = currentOf(scope.observed);
  if (!current || askedHash(current) !== scope.target?.hash) return;
  const trouble = troubleOf(current);
  if (trouble) scope.failure ??= { kind: "retried", ...told(scope, current, trouble) };
  else if (current.rollout)
    scope.step = {
      reason: Reason.Verifying,
      message: `generation ${scope.generation} is brought up by the backend; the earlier one serves`,
    };
}

function troubleOf({ state, rollout }: Workload): Trouble | undefined {
  return rollout?.trouble ?? (state.kind === "failed" ? state : undefined);
}

function told({ generation }: Scope, { rollout }: Workload, { reason, message }: Trouble): Trouble {
  if (!rollout) return { reason, message };
  return { reason, message: `generation ${generation} was tried and failed, the earlier one serves on: ${message}` };
}
