import type { RuntimeBackend, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import type { LogOptions } from "../backends/backend.ts";
import type { Lister } from "../machinery/lister.ts";
import type { BackendRegistry } from "./backend-registry.ts";
import { placesOf } from "./runtime-deployment/teardown.ts";

export interface WorkloadLogOptions extends LogOptions {
  /** Of the newest build. */
  readonly build: boolean;
}

/** Reads what the workloads of deployments print, and what their builds do, wherever they run. */
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
   * Lines without their newline, until the end or `signal`. Undefined: there is no such deployment, no build of it, or no
   * backend that could tell.
   */
  async logs(
    namespace: string,
    name: string,
    { build, ...options }: WorkloadLogOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<string> | undefined> {
    const deployment = this.#deployments.get({ namespace, name });
    if (!deployment) return undefined;
    const owner = { uid: deployment.metadata.uid, namespace, name };
    const begun = deployment.status?.build;
    if (build) return begun && this.#registry.get(begun.backend)?.backend.buildLogs?.(owner, options, signal);
    const [place] = placesOf(deployment, this.#backends.list(), []);
    const backend = place === undefined ? undefined : this.#registry.get(place)?.backend;
    return backend?.logs?.(owner, options, signal);
  }
}
