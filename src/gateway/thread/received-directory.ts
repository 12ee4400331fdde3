import { type Directory, type Endpoint, type EndpointKey, endpointPath } from "../directory.ts";

/** A directory that is told of its deployments by messages. */
export class ReceivedDirectory implements Directory {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #handlers = new Set<(key: EndpointKey) => void>();
  #hasSynced = false;

  get(namespace: string, name: string): Endpoint | undefined {
    return this.#endpoints.get(endpointPath({ namespace, name }));
  }

  list(): readonly Endpoint[] {
    return [...this.#endpoints.values()];
  }

  onChange(handler: (key: EndpointKey) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  hasSynced(): boolean {
    return this.#hasSynced;
  }

  synced(): void {
    this.#hasSynced = true;
  }

  /** Takes in what is there now under these keys, and what no longer is. */
  receive(present: readonly Endpoint[], gone: readonly EndpointKey[]): void {
    for (const endpoint of present) this.#endpoints.set(endpointPath(endpoint), endpoint);
    for (const key of gone) this.#endpoints.delete(endpointPath(key));
    for (const key of [...present, ...gone]) this.#tell({ namespace: key.namespace, name: key.name });
  }

  #tell(key: EndpointKey): void {
    for (const handler of this.#handlers) handler(key);
  }
}
