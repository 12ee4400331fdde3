import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../machinery/clock.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { BackendRegistry, LiveBackend } from "../backend-registry.ts";
import { isActive } from "./plan.ts";
import { currentOf, type Scope } from "./scope.ts";
import { setBack } from "./set-back.ts";

/** Between SIGTERM and SIGKILL, as `docker stop` has it. */
export const GRACE_SECONDS = 10;

export interface MovingPorts {
  readonly clock: Clock;
  readonly registry: BackendRegistry;
}

/**
 * Other backends on which something of this deployment is, or was at the last look: it ran there before `spec.backend`
 * or the default changed.
 */
export function elsewhere({ deployment, live, owner }: Scope, registry: BackendRegistry): LiveBackend[] {
  const names = [deployment.status?.workload?.backend, ...registry.strays(owner.uid)];
  return [...new Set(names)]
    .filter((name) => name !== undefined && name !== live?.name)
    .map((name) => registry.get(name ?? ""))
    .filter((found) => found !== undefined);
}

/** Looks for what still serves at the former place, so that it is reported until the move is made. */
export async function observeFormer(scope: Scope, { registry }: MovingPorts): Promise<void> {
  const former = deploymentRunsAt(scope);
  if (former === undefined || currentOf(scope.observed)) return;
  const place = registry.get(former);
  if (place?.health?.available !== true) return;
  const workload = currentOf(await place.backend.observe(scope.owner, scope.signal));
  if (workload) scope.former = { backend: former, workload };
}

/** The backend that the status names, where that is another than the one chosen. */
function deploymentRunsAt({ deployment, live }: Scope): string | undefined {
  const recorded = deployment.status?.workload?.backend;
  return recorded === live?.name ? undefined : recorded;
}

/**
 * Takes the workload away from where the deployment no longer belongs. Its volumes stay until the deployment is deleted:
 * it may come back. A place that does not answer holds nobody up; it is tried again when it does, unless nothing leads
 * there any more.
 */
export async function vacate(scope: Scope, { registry, clock }: MovingPorts): Promise<void> {
  for (const place of elsewhere(scope, registry)) {
    try {
      if (place.health?.available === false) throw new TransientError(Reason.BackendUnavailable, place.health.message);
      const workloads = await place.backend.observe(scope.owner, scope.signal);
      // Two addresses may lead to the same place.
      const here = new Set(scope.observed?.map(({ id }) => id));
      for (const workload of workloads.filter(({ id }) => !here.has(id))) {
        if (isActive(workload)) await place.backend.stop(workload.id, GRACE_SECONDS, scope.signal);
        await place.backend.delete(workload.id, scope.signal);
      }
      registry.vacated(scope.owner.uid, place.name);
    } catch (error) {
      if (place.former && error instanceof TransientError) {
        registry.vacated(scope.owner.uid, place.name);
        const message = `what ran at the former address of the RuntimeBackend could not be removed: ${error.message}`;
        scope.incidents.push({ reason: Reason.BackendUnavailable, message });
        continue;
      }
      setBack(scope, clock, explained(error, place.name));
      if (scope.failure?.kind === "unreachable") registry.suspect(place.name);
    }
  }
  scope.former = undefined;
}

function explained(error: unknown, name: string): unknown {
  if (!(error instanceof TransientError)) return error;
  const message = `what ran on RuntimeBackend "${name}" before cannot be removed: ${error.message}`;
  return new TransientError(error.reason, message, { cause: error });
}
