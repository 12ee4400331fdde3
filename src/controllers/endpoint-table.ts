import { isDeepStrictEqual } from "node:util";
import { formatKey, type ObjectKey } from "../api/meta.ts";
import type { WorkloadEndpoint } from "../backends/workload-endpoint.ts";

interface Entry {
  readonly uid: string;
  readonly endpoint: WorkloadEndpoint;
}

/**
 * How workloads are reached of which no status can tell: streams of a process, and servers of others, whose headers may be
 * secret. Filled by the controller at each look, at most one entry for each deployment; a gateway of its process reads it.
 */
export class EndpointTable {
  readonly #entries = new Map<string, Entry>();
  readonly #handlers = new Set<(key: ObjectKey) => void>();

  get(key: ObjectKey, uid: string): WorkloadEndpoint | undefined {
    const found = this.#entries.get(formatKey(key));
    return found?.uid === uid ? found.endpoint : undefined;
  }

  /** Undefined: its status says it, or nothing of it runs. */
  set(key: ObjectKey, uid: string, endpoint: WorkloadEndpoint | undefined): void {
    const id = formatKey(key);
    if (isDeepStrictEqual(this.#entries.get(id), endpoint && { uid, endpoint })) return;
    if (endpoint) this.#entries.set(id, { uid, endpoint });
    else this.#entries.delete(id);
    for (const handler of this.#handlers) handler(key);
  }

  /** The deployment is gone. */
  delete(key: ObjectKey): void {
    this.set(key, "", undefined);
  }

  /** Called after the table has the change. The returned function ends that. */
  onChange(handler: (key: ObjectKey) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }
}
