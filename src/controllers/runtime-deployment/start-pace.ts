import type { Workload } from "../../backends/backend.ts";
import { instanceOf } from "../../backends/workload-endpoint.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Pace } from "./holds.ts";
import { ageMs } from "./memory.ts";
import { hasLostSandbox } from "./plan.ts";
import { currentOf, type Scope } from "./scope.ts";

/** A process that ran this long has lasted: what it did before is forgotten, as the Engine does. */
export const STEADY_MS = 10_000;

/**
 * The Engine's own pace where it starts a process again that does not last.
 * @see https://github.com/moby/moby/blob/v20.10.0/restartmanager/restartmanager.go
 */
const START_PACE: Pace = { baseMs: 100, capMs: 60_000 };

/** Keeps in mind that a process was started which nobody asked for, so that one that does not last is started ever less often. */
export function noteStart({ memory }: Scope, { hash }: Workload, clock: Clock): void {
  memory.holds.add("start", { token: hash, now: clock.monotonicMs(), pace: START_PACE });
}

/** Whether the current workload, or its sandbox, ended too soon after its last start to be started again now. */
export function resting({ observed, memory, requeues }: Scope, clock: Clock): boolean {
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
