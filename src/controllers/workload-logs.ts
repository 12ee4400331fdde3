import type { LogOptions } from "../backends/backend.ts";
import { findWorkload, type WorkloadSources } from "./find-workload.ts";

export interface WorkloadLogOptions extends LogOptions {
  /** Of the newest build. */
  readonly build: boolean;
}

/** Reads what the workloads of deployments print, and what their builds do, wherever they run. */
export class WorkloadLogs {
  readonly #sources: WorkloadSources;

  constructor(sources: WorkloadSources) {
    this.#sources = sources;
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
    const found = findWorkload(this.#sources, namespace, name);
    if (!found) return undefined;
    const { deployment, owner, backend } = found;
    if (!build) return backend?.logs?.(owner, options, signal);
    const begun = deployment.status?.build;
    return begun && this.#sources.registry.get(begun.backend)?.backend.buildLogs?.(owner, options, signal);
  }
}
