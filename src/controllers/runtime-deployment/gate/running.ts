import type { Approval } from "../../../api/v1alpha1/index.ts";
import type { EffectiveSpec } from "../../../effective-spec/effective-spec.ts";
import { readReviewed, UNRESOLVED } from "../../../effective-spec/reviewed-spec.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { Scope } from "../scope.ts";
import { keptConfigMaps } from "./config-maps.ts";
import { reviewedIn } from "./image.ts";
import { type Circumstances, isWhatRuns, type MadeVersion } from "./version.ts";

/** The version that runs, with all that it was made of; undefined where that is not known any more. */
export function runningVersion(scope: Scope, circumstances: Circumstances): MadeVersion | undefined {
  const { generation, digest } = scope.deployment.status?.workload ?? {};
  if (generation === undefined) return undefined;
  const made = scope.memory.made.find((each) => isWhatRuns(each, scope));
  if (made) return made;
  return digest === undefined ? undefined : approvedVersion(scope, { generation, digest }, circumstances);
}

function approvedVersion(
  scope: Scope,
  { generation, digest }: { readonly generation: number; readonly digest: string },
  { judged }: Circumstances,
): MadeVersion | undefined {
  const approval = judged.find(
    (each) => each.state.phase === "Approved" && each.approval.spec.digest === digest,
  )?.approval;
  const spec = approval && specIn(approval, scope);
  if (!spec) return undefined;
  const reviewed = reviewedIn(approval);
  const image = reviewed.image === UNRESOLVED ? approval.status?.image : reviewed.image;
  const configMaps = keptConfigMaps(reviewed.configMaps ?? []);
  return image === undefined || !configMaps
    ? undefined
    : { generation, digest, image, version: { spec, reviewed, digest, configMaps } };
}

/** The effective spec of an approved version, with what no approval is about as it is today. Undefined where nobody can read it. */
export function specIn(approval: Approval, { spec: today, upkeep }: Scope): EffectiveSpec | undefined {
  const { desiredState, health } = upkeep;
  try {
    const { readiness, liveness } = today ?? {};
    return readReviewed(approval.spec.effective, { desiredState, health, readiness, liveness }).spec;
  } catch (error) {
    if (error instanceof TerminalError) return undefined;
    throw error;
  }
}
