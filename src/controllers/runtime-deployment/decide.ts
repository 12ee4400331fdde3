import { Reason } from "../../api/v1alpha1/conditions.ts";
import { effectiveSpec, profileNameOf } from "../../effective-spec/effective-spec.ts";
import { assertSourceSupported } from "../../effective-spec/source-support.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { BackendRegistry } from "../backend-registry.ts";
import { chooseBackend } from "./choose-backend.ts";
import { failureOf } from "./failure.ts";
import { boundsAt, findProfile, type GuardrailSources, NotYetKnown } from "./guardrail-sources.ts";
import type { Scope } from "./scope.ts";

export interface DecidePorts {
  readonly registry: BackendRegistry;
  readonly sources: GuardrailSources;
}

/**
 * Finds out where the deployment runs and what it may be there. Leaves `spec` undefined, with the reason in `failure`, where
 * that is refused or cannot be said: what runs is kept, and nothing new starts.
 */
export function decide(scope: Scope, { registry, sources }: DecidePorts): void {
  const { deployment, owner } = scope;
  scope.bounds = boundsAt(sources, owner.namespace, undefined);
  try {
    const { metadata, spec } = chooseBackend(deployment, sources.backends.list());
    const { name } = metadata;
    scope.backendType = spec.type;
    scope.backendGeneration = metadata.generation ?? 0;
    scope.bounds = boundsAt(sources, owner.namespace, name);
    scope.live = registry.get(name);
    const problem = scope.live ? undefined : registry.problem(name);
    if (problem !== undefined)
      throw new TransientError(Reason.BackendUnavailable, `RuntimeBackend "${name}": ${problem}`);
    // Its controller calls back when it stands and has said what it can do.
    if (!scope.live?.health) throw new NotYetKnown(`RuntimeBackend "${name}" is being set up`);
    const named = deployment.spec.guardrails?.profile !== undefined;
    const why = named ? "spec.guardrails.profile names" : "a deployment runs under that names none";
    const profile = findProfile(sources, profileNameOf(deployment.spec), why);
    if (scope.bounds.problem !== undefined) throw scope.bounds.problem;
    scope.profile = profile;
    const { defaults, health } = scope.live;
    const { capabilities: reach } = health;
    const backend = { name, type: spec.type, defaults, capabilities: reach?.guardrails, reach };
    const judged = effectiveSpec({ deployment, profile, bounds: scope.bounds.known, backend });
    assertSourceSupported(judged.source, { name, sources: reach?.sources }, sources.backends.list());
    scope.spec = judged;
  } catch (error) {
    scope.early = error instanceof NotYetKnown;
    if (scope.early) return;
    scope.failure = failureOf(error, scope.signal);
    if (scope.failure.kind === "refused") scope.accepted = false;
  }
}
