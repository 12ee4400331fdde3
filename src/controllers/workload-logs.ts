import type { RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { LogOptions } from "../backends/backend.ts";
import type { Lister } from "../machinery/lister.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import { placesOf } from "./runtime-deployment/teardown.ts";

/** Reads what the workloads of deployments print, wherever they run. */
export class WorkloadLogs {
  readonly #deployments: Lister<RuntimeDeployment>;
  readonly #backends: Lister<RuntimeBackend>;
  readonly #registry: BackendRegistry;

  constructor(deployments: Lister<RuntimeDeployment>, backends: Lister<RuntimeBackend>, registry: BackendRegistry) {
    this.#deployments = deployments;
    this.#backends = backends;
    this.#registry = registry;
  }

  /**
   * Lines without their newline, until the end or `signal`. Undefined: there is no such deployment, or no backend that
   * could tell.
   */
  async logs(
    namespace: string,
    name: string,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<string> | undefined> {
    const deployment = this.#deployments.get({ namespace, name });
    if (!deployment) return undefined;
    const [place] = placesOf(deployment, this.#backends.list(), []);
    const backend = place === undefined ? undefined : this.#registry.get(place)?.backend;
    return backend?.logs?.({ uid: deployment.metadata.uid, namespace, name }, options, signal);
  }
}
