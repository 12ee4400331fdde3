import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../../src/api/meta.ts";
import type { ChangeHandler, ChangeSource, IndexFunction, Lister } from "../../src/machinery/lister.ts";

/** A cache that holds what a test puts into it, and tells of it at once. */
export class MemoryStore<T extends KubeObject> implements Lister<T>, ChangeSource<T> {
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<ChangeHandler<T>>();

  readonly #indexes: Readonly<Record<string, IndexFunction<T>>>;

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.#indexes = indexes;
  }

  put(object: T): void {
    const key = formatKey(keyOf(object));
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const handler of this.#handlers) handler(before, object);
  }

  remove(key: ObjectKey): void {
    const before = this.#objects.get(formatKey(key));
    this.#objects.delete(formatKey(key));
    if (before) for (const handler of this.#handlers) handler(before, undefined);
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(formatKey(key));
  }

  list(namespace?: string): readonly T[] {
    return [...this.#objects.values()].filter(
      ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
    );
  }

  byIndex(index: string, value: string): readonly T[] {
    const valuesOf = this.#indexes[index];
    if (!valuesOf) throw new RangeError(`no index ${index}`);
    return this.list().filter((object) => valuesOf(object).includes(value));
  }

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) handler(undefined, object);
    return () => this.#handlers.delete(handler);
  }

  hasSynced(): boolean {
    return true;
  }
}
