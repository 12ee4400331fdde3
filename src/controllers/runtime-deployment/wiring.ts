import { createHash } from "node:crypto";
import type { RuntimeBackend, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Owner } from "../../backends/backend.ts";
import { type ExpandedVariables, hasReferences } from "../../backends/variables.ts";
import { canonicalJson } from "../../effective-spec/canonical-json.ts";
import type { EffectiveSpec } from "../../effective-spec/effective-spec.ts";
import type { Resolved } from "../../effective-spec/references.ts";
import type { Clock } from "../../machinery/clock.ts";
import { TerminalError } from "../../machinery/errors.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { LiveBackend } from "../backend-registry.ts";
import { chooseBackend } from "./choose-backend.ts";
import { dependencyNotes } from "./dependencies.ts";
import { failureOf } from "./failure.ts";
import { lookAgain, type Scope } from "./scope.ts";
import { setBack } from "./set-back.ts";

/** Where the deployments beside one are found. */
export interface Surroundings {
  readonly deployments: Lister<RuntimeDeployment>;
  readonly backends: Lister<RuntimeBackend>;
}

/** What nobody tells of is asked for again this often. */
const WAIT_MS = 60_000;
/** So many of what is missing are named to people. */
const NAMED = 8;

/**
 * Puts what its backend knows into the references of literal variables, and notes what is missing, which holds nothing up.
 * Undefined, with the reason in `failure`, where a reference is refused or the backend could not be asked.
 */
export async function wire(
  scope: Scope,
  { spec, live, resolved }: { spec: EffectiveSpec; live: LiveBackend; resolved: Resolved },
  { surroundings, clock }: { surroundings: Surroundings; clock: Clock },
): Promise<Resolved | undefined> {
  scope.wiringNotes = dependencyNotes(scope.deployment, surroundings.deployments);
  try {
    const found = await expand(scope, { spec, live, resolved }, surroundings);
    if (!found) return resolved;
    const { env, missing, waits } = found;
    if (waits) lookAgain(scope, WAIT_MS);
    const more = missing.length > NAMED ? [`${missing.length - NAMED} more references are kept`] : [];
    scope.wiringNotes = [...scope.wiringNotes, ...missing.slice(0, NAMED), ...more];
    // Other values are another attempt.
    scope.token = `${scope.token}/${createHash("sha256").update(canonicalJson(env)).digest("hex")}`;
    return { ...resolved, env: { ...resolved.env, ...env } };
  } catch (error) {
    if (error instanceof TerminalError) {
      scope.failure = failureOf(error, scope.signal);
      scope.accepted = false;
    } else setBack(scope, clock, error);
    return undefined;
  }
}

/** Undefined where there is nothing to be put in. Values of Secrets and ConfigMaps are theirs, whatever they look like. */
export async function expand(
  { owner, signal }: Pick<Scope, "owner" | "signal">,
  { spec, live: { name, backend }, resolved }: { spec: EffectiveSpec; live: LiveBackend; resolved: Resolved },
  { deployments, backends }: Surroundings,
): Promise<ExpandedVariables | undefined> {
  if (!backend.expandVariables) return undefined;
  const literal = spec.env.filter(({ value = "", valueFrom }) => !valueFrom && hasReferences(value));
  if (literal.length === 0) return undefined;
  const env = Object.fromEntries(literal.map((variable) => [variable.name, resolved.env[variable.name] ?? ""]));
  const siblings = (sibling: string): Pick<Owner, "uid" | "name"> | undefined => {
    const found = deployments.get({ namespace: owner.namespace, name: sibling });
    return found && placeOf(found, backends.list()) === name ? found.metadata : undefined;
  };
  return await backend.expandVariables(env, siblings, signal);
}

/** Undefined for one that may run nowhere. */
function placeOf(deployment: RuntimeDeployment, backends: readonly RuntimeBackend[]): string | undefined {
  try {
    return chooseBackend(deployment, backends).metadata.name;
  } catch (error) {
    if (error instanceof TerminalError) return undefined;
    throw error;
  }
}
