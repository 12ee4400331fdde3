import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/meta.ts";
import { deepFreeze } from "./deep-freeze.ts";
import type { IndexFunction, Lister } from "./lister.ts";

/** One object that changed; both are absent for what never was there. */
export interface CacheChange<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** Objects of one kind by key, by namespace and by any number of named indexes. Each write leaves all of them in step. */
export class ObjectCache<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #namespaces = new Map<string, Set<T>>();
  readonly #indexes: ReadonlyMap<string, { valuesOf: IndexFunction<T>; entries: Map<string, Set<T>> }>;

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.#indexes = new Map(
      Object.entries(indexes).map(([name, valuesOf]) => [name, { valuesOf, entries: new Map<string, Set<T>>() }]),
    );
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(formatKey(key));
  }

  list(namespace?: string): readonly T[] {
    return [...((namespace === undefined ? this.#objects.values() : this.#namespaces.get(namespace)) ?? [])];
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (!found) throw new RangeError(`unknown index "${index}"`);
    return [...(found.entries.get(value) ?? [])];
  }

  /** Stores `object`, frozen. Answers nothing when this version is there already. */
  set(object: T): CacheChange<T> | undefined {
    const key = formatKey(keyOf(object));
    const before = this.#objects.get(key);
    if (before && isSameVersion(before, object)) return undefined;
    if (before) this.#unlink(before);
    this.#objects.set(key, deepFreeze(object));
    this.#link(object);
    return { before, after: object };
  }

  delete(key: ObjectKey): CacheChange<T> | undefined {
    const before = this.#objects.get(formatKey(key));
    if (!before) return undefined;
    this.#objects.delete(formatKey(key));
    this.#unlink(before);
    return { before, after: undefined };
  }

  /** Makes the cache hold exactly `objects`, and answers what that changed: deletions first. */
  replace(objects: readonly T[]): CacheChange<T>[] {
    const keys = new Set(objects.map((object) => formatKey(keyOf(object))));
    const gone = [...this.#objects.values()].filter((object) => !keys.has(formatKey(keyOf(object))));
    const changes = [...gone.map((object) => this.delete(keyOf(object))), ...objects.map((object) => this.set(object))];
    return changes.filter((change) => change !== undefined);
  }

  #link(object: T): void {
    add(this.#namespaces, object.metadata.namespace ?? "", object);
    for (const { valuesOf, entries } of this.#indexes.values()) {
      for (const value of valuesOf(object)) add(entries, value, object);
    }
  }

  /** Index functions are pure, and the object is frozen: they answer what they did when it was linked. */
  #unlink(object: T): void {
    remove(this.#namespaces, object.metadata.namespace ?? "", object);
    for (const { valuesOf, entries } of this.#indexes.values()) {
      for (const value of valuesOf(object)) remove(entries, value, object);
    }
  }
}

/** A recreated object may, after a restore of the server, come back with an old version: the UID tells it apart. */
function isSameVersion(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.resourceVersion === b.metadata.resourceVersion && a.metadata.uid === b.metadata.uid;
}

function add<T>(groups: Map<string, Set<T>>, name: string, member: T): void {
  const group = groups.get(name);
  if (group) group.add(member);
  else groups.set(name, new Set([member]));
}

function remove<T>(groups: Map<string, Set<T>>, name: string, member: T): void {
  const group = groups.get(name);
  if (group?.delete(member) && group.size === 0) groups.delete(name);
}
