import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeBackend, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Clock } from "../../machinery/clock.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { BackendRegistry, LiveBackend } from "../backend-registry.ts";
import { GRACE_SECONDS } from "./moving.ts";
import type { Scope } from "./scope.ts";
import { setBack } from "./set-back.ts";

export interface TeardownPorts {
  readonly clock: Clock;
  readonly registry: BackendRegistry;
  /** Whether the RuntimeBackend exists. */
  exists(backend: string): boolean;
}

export type Teardown =
  /** Nothing is left outside that anybody could remove; `abandoned` names backends that are gone with what ran there. */
  | { readonly kind: "done"; readonly abandoned: readonly string[] }
  | { readonly kind: "waiting"; readonly message: string };

/**
 * Removes everything outside. A backend that does not answer is waited for, since what runs there would be forgotten; one
 * whose RuntimeBackend was deleted is given up, since nobody could ever reach it again.
 */
export async function tearDown(scope: Scope, names: readonly string[], ports: TeardownPorts): Promise<Teardown> {
  const abandoned: string[] = [];
  const waiting: string[] = [];
  for (const name of names) {
    const live = ports.registry.get(name);
    const exists = ports.exists(name);
    if (!live && !exists) abandoned.push(name);
    else if (!live) waiting.push(remedy(name, ports.registry.problem(name) ?? "it is not ready yet"));
    else {
      const left = await removeFrom(live, scope, ports.clock);
      if (left !== undefined && !exists) abandoned.push(name);
      else if (left !== undefined) waiting.push(left);
    }
  }
  return waiting.length > 0 ? { kind: "waiting", message: waiting.join("; ") } : { kind: "done", abandoned };
}

/** Undefined once nothing is left; else what it waits for. */
async function removeFrom(live: LiveBackend, scope: Scope, clock: Clock): Promise<string | undefined> {
  scope.live = live;
  try {
    if (live.health?.available === false) throw new TransientError(Reason.BackendUnavailable, live.health.message);
    const workloads = await live.backend.observe(scope.owner, scope.signal);
    const running = workloads.filter(({ state }) => state.kind !== "exited" && state.kind !== "created");
    await Promise.all(running.map(({ id }) => live.backend.stop(id, GRACE_SECONDS, scope.signal)));
    if (await live.backend.purge(scope.owner, scope.signal)) return undefined;
    scope.requeues.push(1_000);
    return `the rest is being removed from RuntimeBackend "${live.name}"`;
  } catch (error) {
    setBack(scope, clock, error);
    const { kind, message = "" } = scope.failure ?? {};
    return kind === "unreachable" ? remedy(live.name, message) : `RuntimeBackend "${live.name}": ${message}`;
  }
}

function remedy(name: string, problem: string): string {
  return `what runs on RuntimeBackend "${name}" cannot be removed: ${problem}. Deletion goes on by itself when it answers; to give up what runs there, delete that RuntimeBackend`;
}

/** Names of the backends on which something of a deployment may exist. */
export function placesOf(
  deployment: RuntimeDeployment,
  backends: readonly RuntimeBackend[],
  strays: readonly string[],
): string[] {
  const { spec, status } = deployment;
  const recorded = status?.workload?.backend;
  const named = spec.backend ?? (recorded === undefined ? defaultsOf(backends) : []);
  return [...new Set([recorded, named, status?.build?.backend, strays].flat().filter((name) => name !== undefined))];
}

/** Where it may have begun before its status said so. */
function defaultsOf(backends: readonly RuntimeBackend[]): string[] {
  return backends.filter(({ spec }) => spec.default).map(({ metadata }) => metadata.name);
}
