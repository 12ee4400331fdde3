import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/meta.ts";
import type { Lister } from "../machinery/lister.ts";

/** Objects that were read once, for code that reads a cache. There is no index. */
export class ReadObjects<T extends KubeObject> implements Lister<T> {
  readonly #objects: ReadonlyMap<string, T>;

  /** Of several with one name the last counts. */
  constructor(objects: readonly T[]) {
    this.#objects = new Map(objects.map((object) => [formatKey(keyOf(object)), object]));
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(formatKey(key));
  }

  list(namespace?: string): readonly T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  byIndex(index: string): never {
    throw new RangeError(`there is no index ${JSON.stringify(index)}`);
  }
}
