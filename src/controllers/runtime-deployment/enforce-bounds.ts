import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import { type Namespaced, resolveReferences } from "../../effective-spec/references.ts";
import { needsHashKey, workloadSpec } from "../../effective-spec/workload.ts";
import { type Bound, excesses } from "../../guardrails/bounds.ts";
import type { Guardrails } from "../../guardrails/guardrails.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import { jsonEqual } from "../../machinery/json-equal.ts";
import type { BackendRegistry, LiveBackend } from "../backend-registry.ts";
import { failureOf } from "./failure.ts";
import { objectsOf } from "./gate/config-maps.ts";
import { boundsAt, type GuardrailSources } from "./guardrail-sources.ts";
import { elsewhere, GRACE_SECONDS } from "./moving.ts";
import { isActive } from "./plan.ts";
import { lookAgain, type Scope } from "./scope.ts";
import { expand, type Surroundings } from "./wiring.ts";

export interface EnforcePorts {
  readonly registry: BackendRegistry;
  readonly sources: GuardrailSources;
  readonly surroundings: Surroundings;
  objects(namespace: string): Namespaced;
  hashKey(signal: AbortSignal): Promise<Uint8Array>;
}

/** What could not be removed is tried again this soon, however often that failed: no back-off lets it run on. */
const RETRY_MS = 2_000;

/** What a workload counts as of which its place does not tell what it was made under. */
const UNTOLD: Guardrails = {
  profile: "unknown",
  enforcement: "Warn",
  network: { egress: { kind: "open" }, ingressPorts: undefined },
  filesystem: { readOnlyRoot: false, allowedMounts: undefined },
  capabilities: { dropAll: false, add: [] },
  resources: { maxCpuMillis: undefined, maxMemoryBytes: undefined, maxPids: undefined },
  seccomp: { type: "Unconfined" },
  appArmor: { type: "Unconfined" },
  runAsNonRoot: false,
  recommendedBackends: [],
};

/**
 * Takes away what was made under guardrails that are wider than a bound of today: the namespace was labelled since, or a
 * profile was narrowed. It comes before everything that could fail, and looks wherever something of the deployment may run,
 * since a spec that nobody accepts must not shield what runs. Says `stuck` where it did not succeed.
 */
export async function enforceBounds(scope: Scope, ports: EnforcePorts): Promise<void> {
  const { live, observed } = scope;
  // Nobody can say yet what is asked for, which may be just what runs. It is a matter of moments.
  if (scope.early) return;
  if (live && observed) scope.observed = await enforceAt(scope, ports, live, observed);
  for (const place of elsewhere(scope, ports.registry)) {
    // Its watch names all owners when it is back.
    if (place.health?.available === false) continue;
    const { known } = boundsOf(scope, ports, place);
    if (known.length === 0) continue;
    const there = await observeAt(scope, ports, place);
    const left = await enforceAt(scope, ports, place, there);
    // Where no backend can be chosen, this is all that there is.
    if (!live && left.length < there.length) scope.observed = left;
  }
}

/** A place that does not answer holds nobody up. */
async function observeAt(scope: Scope, { registry }: EnforcePorts, place: LiveBackend): Promise<readonly Workload[]> {
  try {
    return await place.backend.observe(scope.owner, scope.signal);
  } catch (error) {
    if (failureOf(error, scope.signal).kind === "unreachable") registry.suspect(place.name);
    lookAgain(scope, RETRY_MS);
    return [];
  }
}

/** Answers what is left. */
async function enforceAt(
  scope: Scope,
  ports: EnforcePorts,
  place: LiveBackend,
  observed: readonly Workload[],
): Promise<readonly Workload[]> {
  const { known } = boundsOf(scope, ports, place);
  const left: Workload[] = [];
  for (const workload of observed) {
    const wider = excesses(workload.guardrails ?? UNTOLD, known);
    try {
      if (wider.length === 0 || (await isAsAsked(scope, ports, { workload, bounds: known }))) {
        left.push(workload);
        continue;
      }
      if (isActive(workload)) await place.backend.stop(workload.id, GRACE_SECONDS, scope.signal);
      await place.backend.delete(workload.id, scope.signal);
    } catch (error) {
      gotStuck(scope, error);
      left.push(workload);
      continue;
    }
    // What comes next in its place is asked for.
    if (scope.known === workload.id) scope.known = undefined;
    const message = `took away what was made under guardrails that are wider than allowed by now: ${wider.join("; ")}`;
    scope.incidents.push({ reason: Reason.GuardrailsTooWide, message });
  }
  return left;
}

/** A backend that took the place of another under its name is bounded as that. */
function boundsOf({ owner }: Scope, { sources }: EnforcePorts, { name }: LiveBackend) {
  return boundsAt(sources, owner.namespace, name.replace(/@.*$/, ""));
}

/**
 * Whether a workload is, but for its image, what would be made today, and so within its bounds: a profile may have been
 * narrowed in a maximum alone, of which nothing shows in what it makes.
 * @throws what keeps anybody from saying so.
 */
async function isAsAsked(
  { spec, live, owner, generation, revision, signal }: Scope,
  ports: EnforcePorts,
  { workload, bounds }: { workload: Workload; bounds: readonly Bound[] },
): Promise<boolean> {
  // The bounds are those of the place where it runs, of which the spec may want to move away.
  if (!spec || excesses(spec.guardrails, bounds).length > 0) return false;
  try {
    const objects = objectsOf(ports.objects(owner.namespace), owner.namespace, revision?.version.configMaps);
    const found = resolveReferences(spec, objects);
    const expanded = live && (await expand({ owner, signal }, { spec, live, resolved: found }, ports.surroundings));
    const resolved = { ...found, env: { ...found.env, ...expanded?.env } };
    const hashKey = needsHashKey(resolved) ? await ports.hashKey(signal) : undefined;
    const made = workloadSpec({ owner, generation, spec, resolved, image: workload.image, hashKey });
    return made.hash === workload.hash;
  } catch (error) {
    signal.throwIfAborted();
    if (!saysThatNothingIsAsked(error)) throw error;
    return false;
  }
}

/**
 * Whether what is asked for refers to what is not there, or makes no sense: then what is known of the workload counts. An API
 * server that does not answer says nothing of the kind, and is asked again.
 */
function saysThatNothingIsAsked(error: unknown): boolean {
  if (error instanceof TerminalError) return true;
  return error instanceof TransientError && ABSENCES.has(error.reason);
}

const ABSENCES: ReadonlySet<string> = new Set([Reason.SecretNotFound, Reason.ConfigMapNotFound]);

function gotStuck(scope: Scope, error: unknown): void {
  const { kind, message } = failureOf(error, scope.signal);
  scope.failure = {
    kind: kind === "unreachable" ? kind : "retried",
    reason: Reason.GuardrailsTooWide,
    message: `what was made under guardrails that are wider than allowed by now could not be taken away: ${message}`,
  };
  scope.stuck = true;
  lookAgain(scope, RETRY_MS);
}

/** The bounds are others than those by which the spec was judged: nothing may start before it is judged anew. */
export class BoundsChanged extends Error {
  override readonly name = "BoundsChanged";
}

/** @throws {BoundsChanged} */
export function assertSameBounds({ owner, live, bounds }: Scope, sources: GuardrailSources): void {
  const now = boundsAt(sources, owner.namespace, live?.name);
  const same = jsonEqual(now.known, bounds.known) && (now.problem === undefined) === (bounds.problem === undefined);
  if (!same) throw new BoundsChanged("the bounds have changed meanwhile");
}
