import type { RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { FullBackend, Owner } from "../backends/backend.ts";
import type { Lister } from "../machinery/lister.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import { placesOf } from "./runtime-deployment/teardown.ts";

/** What tells where the workloads of deployments are. */
export interface WorkloadSources {
  readonly deployments: Lister<RuntimeDeployment>;
  readonly backends: Lister<RuntimeBackend>;
  readonly registry: BackendRegistry;
}

/** A deployment, and where it runs as far as that is known. */
export interface FoundWorkload {
  readonly deployment: RuntimeDeployment;
  readonly owner: Owner;
  /** Name of the RuntimeBackend. */
  readonly place: string | undefined;
  /** Undefined while there is no live one of that name. */
  readonly backend: FullBackend | undefined;
}

/** Undefined: there is no such deployment. */
export function findWorkload(
  { deployments, backends, registry }: WorkloadSources,
  namespace: string,
  name: string,
): FoundWorkload | undefined {
  const deployment = deployments.get({ namespace, name });
  if (!deployment) return undefined;
  const [place] = placesOf(deployment, backends.list(), []);
  const backend = place === undefined ? undefined : registry.get(place)?.backend;
  return { deployment, owner: { uid: deployment.metadata.uid, namespace, name }, place, backend };
}
