import type { RuntimeBackend } from "../../api/v1alpha1/index.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { BackendRegistry } from "../backend-registry.ts";
import { isUnwanted } from "./build-record.ts";
import { failureOf } from "./failure.ts";
import { lookAgain, type Scope } from "./scope.ts";

export interface EndBuildPorts {
  readonly registry: BackendRegistry;
  readonly backends: Lister<RuntimeBackend>;
}

/** What could not be ended is tried again this often. */
const RETRY_MS = 60_000;

/**
 * Ends a build that nobody wants any more, and takes it out of the status. Holds nobody up: a place that does not answer is
 * tried again for as long as the status names it; then its own search for orphans, or the deletion of the deployment, finds it.
 */
export async function endBuild(scope: Scope, { registry, backends }: EndBuildPorts): Promise<void> {
  const { build, live, deployment, upkeep, owner, signal } = scope;
  const isGit = deployment.spec.source.git !== undefined;
  const isStopped = upkeep.desiredState === "Stopped";
  if (scope.early || !build || !isUnwanted(build, { isGit, isStopped, backend: live?.name })) return;
  const place = registry.get(build.backend);
  const away = place ? place.health?.available === false : backends.get({ namespace: "", name: build.backend });
  if (away) return lookAgain(scope, RETRY_MS);
  try {
    await place?.backend.endBuilds?.(owner, signal);
    scope.build = undefined;
  } catch (error) {
    if (failureOf(error, signal).kind === "unreachable") registry.suspect(build.backend);
    lookAgain(scope, RETRY_MS);
  }
}
