import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { excesses } from "../../../guardrails/bounds.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import { chooseBackend } from "../choose-backend.ts";
import { failureOf } from "../failure.ts";
import { boundsAt, NotYetKnown } from "../guardrail-sources.ts";
import { isUnderTrial, type Scope } from "../scope.ts";
import type { GatePorts } from "./ports.ts";
import { runningVersion } from "./running.ts";
import { type Circumstances, mayRun, triggersAbout, type Version } from "./version.ts";

/**
 * Puts the version that runs in the place of the one that waits: it is repaired wholly where it was let through and all of it is
 * known, else only kept where it is. Bounds, backends, desiredState and health are those of today.
 * @param waiting undefined where nobody can say yet what is asked for.
 */
export function keepWhatRuns(
  scope: Scope,
  waiting: Version | undefined,
  circumstances: Circumstances,
  ports: GatePorts,
): void {
  const { deployment } = scope;
  const running = deployment.status?.workload;
  const known = runningVersion(scope, circumstances);
  const kept = known && mayRun(known.version, circumstances) ? known : undefined;
  const today = scope.spec;
  scope.spec = undefined;
  scope.replacing = isUnderTrial(deployment);
  if (running?.backend !== undefined && running.backend !== scope.live?.name) moveBack(scope, running.backend, ports);
  if (waiting && isToBeStopped(scope, waiting, circumstances)) {
    scope.upkeep = { ...scope.upkeep, desiredState: "Stopped" };
    return;
  }
  if (!kept || !today) return;
  try {
    const { version } = kept;
    takePlace(scope, version, ports);
    scope.generation = kept.generation;
    scope.digest = kept.digest;
    const { transport, restartPolicy } = version.spec;
    const { desiredState, readiness, liveness } = today;
    const path = deployment.spec.health.path ?? transport.path;
    const health = { ...today.health, path };
    scope.upkeep = { ...scope.upkeep, transport, restartPolicy, health };
    scope.spec = { ...version.spec, desiredState, health, readiness, liveness };
    scope.revision = { version, image: kept.image };
  } catch (error) {
    scope.early ||= error instanceof NotYetKnown;
    if (scope.early) return;
    if (!(error instanceof TerminalError) && !(error instanceof TransientError)) throw error;
    scope.failure ??= failureOf(error, scope.signal);
  }
}

/** Whether a policy that asks about what waits wants nothing to run meanwhile. What waits may be what runs: that is left alone. */
function isToBeStopped({ deployment }: Scope, waiting: Version, circumstances: Circumstances): boolean {
  const { generation, digest } = deployment.status?.workload ?? {};
  const isWhatRuns = digest === undefined ? generation === deployment.metadata.generation : digest === waiting.digest;
  return !isWhatRuns && triggersAbout(waiting, circumstances).some(({ policy }) => policy.spec.onChange === "Stop");
}

/** What waits may want to be elsewhere. */
function moveBack(scope: Scope, name: string, { registry, sources }: GatePorts): void {
  scope.live = registry.get(name);
  scope.bounds = boundsAt(sources, scope.owner.namespace, name);
  scope.backendType = sources.backends.get({ namespace: "", name })?.spec.type ?? "";
}

/** @throws {TerminalError | TransientError} where today nothing may be made of that version. */
function takePlace(scope: Scope, { spec }: Version, { registry, sources }: GatePorts): void {
  const { deployment, owner } = scope;
  const there = { ...deployment, spec: { ...deployment.spec, backend: spec.backend } };
  const { metadata, spec: backend } = chooseBackend(there, sources.backends.list());
  const { name } = metadata;
  const live = registry.get(name);
  if (!live?.health) {
    const problem = registry.problem(name) ?? "it is being set up";
    throw new TransientError(Reason.BackendUnavailable, `RuntimeBackend "${name}": ${problem}`);
  }
  const bounds = boundsAt(sources, owner.namespace, name);
  if (bounds.problem !== undefined) throw bounds.problem;
  const [wider] = excesses(spec.guardrails, bounds.known);
  if (wider !== undefined)
    throw new TerminalError(
      Reason.GuardrailsTooWide,
      `the version that runs has guardrails that are wider than allowed by now: ${wider}`,
    );
  scope.live = live;
  scope.bounds = bounds;
  scope.backendType = backend.type;
  scope.backendGeneration = metadata.generation ?? 0;
  scope.profile = undefined;
}
