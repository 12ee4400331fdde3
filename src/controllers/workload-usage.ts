import { Reason } from "../api/v1alpha1/conditions.ts";
import type { Usage } from "../backends/usage.ts";
import { TransientError } from "../machinery/errors.ts";
import { findWorkload, type WorkloadSources } from "./find-workload.ts";

/** Finds out what the workloads of deployments use, wherever they run. */
export class WorkloadUsage {
  readonly #sources: WorkloadSources;

  constructor(sources: WorkloadSources) {
    this.#sources = sources;
  }

  /**
   * Undefined: there is no such deployment, or nothing of it is anywhere.
   * @throws {TransientError | TerminalError} saying why it cannot be told.
   */
  async usage(namespace: string, name: string, signal: AbortSignal): Promise<Usage | undefined> {
    const found = findWorkload(this.#sources, namespace, name);
    if (!found?.backend) return undefined;
    const { backend, owner, place } = found;
    if (!backend.usage)
      throw new TransientError(Reason.BackendError, `backend "${place}" does not tell what workloads use`);
    return await backend.usage(owner, signal);
  }
}
