import type { Clock } from "../../machinery/clock.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { Failure } from "./facts.ts";
import { failureOf } from "./failure.ts";
import type { Hold } from "./holds.ts";
import { lookAgain, type Scope } from "./scope.ts";

/** The hold that this revision is under, if an attempt at it failed lately. Asks for a look when it ends. */
export function holdOf(scope: Scope, clock: Clock): Hold | undefined {
  const now = clock.monotonicMs();
  const hold = scope.memory.holds.active("revision", scope.token, now);
  if (hold) lookAgain(scope, hold.until - now);
  return hold;
}

/** Does `work` unless an attempt at this revision failed too recently. What fails is held against the revision. */
export async function tryNow<T>(scope: Scope, clock: Clock, work: () => Promise<T>): Promise<T | undefined> {
  const hold = holdOf(scope, clock);
  if (hold) {
    scope.failure = hold.failure;
    return undefined;
  }
  try {
    return await work();
  } catch (error) {
    setBack(scope, clock, error);
    return undefined;
  }
}

/**
 * Records that an attempt failed, so that the next waits: for the backend, where it did not answer, else for the revision.
 * @throws what says nothing about the deployment.
 */
export function setBack(scope: Scope, clock: Clock, error: unknown): void {
  const failure = failureOf(error, scope.signal);
  const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
  // Only the spec's own rules are final: an image may be pushed, a port freed, a registry repaired.
  holdBack(scope, clock, failure.kind === "refused" ? { ...failure, kind: "retried" } : failure, retryAfterMs);
}

export function holdBack(scope: Scope, clock: Clock, failure: Failure, leastMs = 0): void {
  const { holds } = scope.memory;
  const now = clock.monotonicMs();
  const hold =
    failure.kind === "unreachable"
      ? holds.add("backend", { token: scope.live?.name ?? "", now, failure, leastMs })
      : holds.add("revision", { token: scope.token, now, failure, leastMs });
  scope.failure = failure;
  lookAgain(scope, hold.until - now);
}
