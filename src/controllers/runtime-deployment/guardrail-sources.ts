import type { Namespace } from "../../api/core.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { GUARDRAILS_BOUND_LABEL, type GuardrailProfile, type RuntimeBackend } from "../../api/v1alpha1/index.ts";
import type { Bound } from "../../guardrails/bounds.ts";
import { effectiveGuardrails } from "../../guardrails/effective-guardrails.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { Lister } from "../../machinery/lister.ts";

/** Where it is written what deployments may do. */
export interface GuardrailSources {
  readonly profiles: Lister<GuardrailProfile>;
  readonly namespaces: Lister<Namespace>;
  readonly backends: Lister<RuntimeBackend>;
  /** Whether that profile ships with Slipway and is about to be installed. */
  isInstalling(profile: string): boolean;
}

/** Shortly after a start, or in the wake of another change, a cache lacks what is there. A change of it calls back. */
export class NotYetKnown extends Error {
  override readonly name = "NotYetKnown";
}

/**
 * The profile of that name; `why` says for people why it is looked for.
 * @throws {NotYetKnown} while it is being installed. @throws {TransientError} where there is none.
 */
export function findProfile({ profiles, isInstalling }: GuardrailSources, name: string, why: string): GuardrailProfile {
  const found = profiles.get({ namespace: "", name });
  if (found) return found;
  if (isInstalling(name)) throw new NotYetKnown(`GuardrailProfile "${name}" is being installed`);
  const message = `GuardrailProfile "${name}", which ${why}, does not exist; create it, or name another`;
  throw new TransientError(Reason.GuardrailProfileNotFound, message);
}

/** What bounds the deployments of a namespace on a backend. */
export interface Bounds {
  readonly known: readonly Bound[];
  /** Why one of them cannot be told, as an error; nothing new may start then. */
  readonly problem: unknown;
}

/** Never throws: a bound that cannot be told does not take the other one away. */
export function boundsAt(sources: GuardrailSources, namespace: string, backend: string | undefined): Bounds {
  const found = [() => ofNamespace(sources, namespace), () => ofBackend(sources, backend)].map(attempt);
  return {
    known: found.flatMap(({ bound }) => (bound ? [bound] : [])),
    problem: found.find(({ problem }) => problem !== undefined)?.problem,
  };
}

function ofNamespace(sources: GuardrailSources, name: string): Bound | undefined {
  const namespace = sources.namespaces.get({ namespace: "", name });
  // Its label may be the one thing that forbids what would start now.
  if (!namespace) throw new NotYetKnown(`namespace ${name} is not in the cache yet`);
  const profile = namespace.metadata.labels?.[GUARDRAILS_BOUND_LABEL];
  const whose = `the label ${GUARDRAILS_BOUND_LABEL} of namespace ${name}`;
  return profile ? boundOf(sources, `namespace ${name}`, profile, whose) : undefined;
}

/** A backend whose RuntimeBackend was deleted is bounded by nothing of its own any more. */
function ofBackend(sources: GuardrailSources, name: string | undefined): Bound | undefined {
  const backend = name === undefined ? undefined : sources.backends.get({ namespace: "", name });
  const profile = backend?.spec.guardrailsBound;
  const whose = `spec.guardrailsBound of RuntimeBackend "${name}"`;
  return profile ? boundOf(sources, `RuntimeBackend ${name}`, profile, whose) : undefined;
}

function boundOf(sources: GuardrailSources, origin: string, profile: string, whose: string): Bound {
  return { origin, profile, guardrails: effectiveGuardrails(findProfile(sources, profile, `${whose} names`)) };
}

function attempt(look: () => Bound | undefined): { bound?: Bound | undefined; problem?: unknown } {
  try {
    return { bound: look() };
  } catch (problem) {
    return { problem };
  }
}
