import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { Usage } from "../backends/usage.ts";
import { TransientError } from "../machinery/errors.ts";
import type { Lister } from "../machinery/lister.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import { placesOf } from "./runtime-deployment/teardown.ts";

/** Finds out what the workloads of deployments use, wherever they run. */
export class WorkloadUsage {
  readonly #deployments: Lister<RuntimeDeployment>;
  readonly #backends: Lister<RuntimeBackend>;
  readonly #registry: BackendRegistry;

  constructor(deployments: Lister<RuntimeDeployment>, backends: Lister<RuntimeBackend>, registry: BackendRegistry) {
    this.#deployments = deployments;
    this.#backends = backends;
    this.#registry = registry;
  }

  /**
   * Undefined: there is no such deployment, or nothing of it is anywhere.
   * @throws {TransientError | TerminalError} saying why it cannot be told.
   */
  async usage(namespace: string, name: string, signal: AbortSignal): Promise<Usage | undefined> {
    const deployment = this.#deployments.get({ namespace, name });
    if (!deployment) return undefined;
    const [place] = placesOf(deployment, this.#backends.list(), []);
    const backend = place === undefined ? undefined : this.#registry.get(place)?.backend;
    if (!backend) return undefined;
    if (!backend.usage)
      throw new TransientError(Reason.BackendError, `backend "${place}" does not tell what workloads use`);
    return await backend.usage({ uid: deployment.metadata.uid, namespace, name }, signal);
  }
}
