import type { Duplex } from "node:stream";
import { Reason } from "../api/v1alpha1/conditions.ts";
import { TransientError } from "../machinery/errors.ts";
import type { BackendRegistry } from "./backend-registry.ts";

/** Whose standard input and output: a workload, by the RuntimeBackend that it runs on. */
export interface WorkloadStreamTarget {
  readonly backend: string;
  readonly id: string;
  /** One more process of it, for one client alone. */
  readonly own: boolean;
}

/** The standard input and output of what workloads run, wherever that is. */
export class WorkloadStreams {
  readonly #registry: Pick<BackendRegistry, "get">;

  constructor(registry: Pick<BackendRegistry, "get">) {
    this.#registry = registry;
  }

  /** @throws {TransientError} where it does not run, or its place has no such streams. */
  async open({ backend, id, own }: WorkloadStreamTarget, signal: AbortSignal): Promise<Duplex> {
    const host = this.#registry.get(backend)?.backend;
    const attached = own ? host?.attachOwn?.(id, signal) : host?.attach?.(id, signal);
    if (attached) return attached;
    const message = host
      ? `RuntimeBackend "${backend}" has no standard input and output to offer`
      : `RuntimeBackend "${backend}" is not there`;
    throw new TransientError(Reason.BackendUnavailable, message);
  }

  canOpenOwn(backend: string): boolean {
    return this.#registry.get(backend)?.backend.attachOwn !== undefined;
  }
}
