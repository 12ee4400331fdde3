import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Drift, Workload } from "../../backends/backend.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { LiveBackend } from "../backend-registry.ts";
import { assertSameBounds } from "./enforce-bounds.ts";
import type { GuardrailSources } from "./guardrail-sources.ts";
import { GRACE_SECONDS } from "./moving.ts";
import { type Action, hasLostSandbox } from "./plan.ts";
import type { Scope } from "./scope.ts";
import { noteStart } from "./start-pace.ts";

export interface ApplyPorts {
  readonly clock: Clock;
  readonly sources: GuardrailSources;
  readonly repaired?: ((backend: string, what: RepairKind) => void) | undefined;
}

/** What was not as it should be: its workload was away, its process had ended or stood still, or the workload was changed. */
export type RepairKind = "gone" | "ended" | "paused" | Drift["kind"];

/**
 * Does what was planned, and puts what it came to into the scope.
 * @throws {BoundsChanged} before anything starts that was judged by other bounds than those of now.
 */
export async function apply(action: Action, scope: Scope, live: LiveBackend, ports: ApplyPorts): Promise<void> {
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
      // A place that keeps nothing itself makes the same again for each controller: nothing was gone.
      if (created.id === scope.known) return;
      break;
    }
    case "update": {
      const update = backend.update?.bind(backend);
      if (!scope.target || !update) return;
      assertSameBounds(scope, ports.sources);
      see(scope, await update(action.id, scope.target, signal), action.id);
      scope.asked = true;
      return;
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
      // Mending that restarts the workload.
      if (hasLostSandbox(workload) && workload.role === "current") {
        scope.mended = true;
        noteStart(scope, workload, ports.clock);
      }
      await backend.repair(workload, signal);
      scope.observed = await backend.observe(scope.owner, signal);
      break;
    }
    default:
      return action satisfies never;
  }
  if (!action.incident) return;
  scope.incidents.push(action.incident);
  for (const what of repairedBy(action)) ports.repaired?.(live.name, what);
}

function repairedBy(action: Extract<Action, { incident: unknown }>): readonly RepairKind[] {
  if (action.type === "repair") return [...new Set(action.workload.drift.map(({ kind }) => kind))];
  if (action.type === "launch") return ["gone"];
  return [action.incident?.reason === Reason.Repaired ? "paused" : "ended"];
}

/** Puts what a call answered in the place of what was observed before, which may have become another by a start. */
function see(scope: Scope, workload: Workload, former = workload.id): void {
  const others = (scope.observed ?? []).filter(({ id }) => id !== workload.id && id !== former);
  scope.observed = workload.role === "current" ? [workload, ...others] : [...others, workload];
}
