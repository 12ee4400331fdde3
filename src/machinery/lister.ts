import type { KubeObject, ObjectKey } from "../api/meta.ts";

/**
 * Reads a cache of the API server's objects: no call, no wait. Objects are frozen to the last level; copy before
 * changing. The cache may lag behind the server: a write that depends on it carries the resourceVersion.
 */
export interface Lister<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly T[];
  /** The objects for which the index function of this name answered `value`. @throws {RangeError} for an unknown index. */
  byIndex(index: string, value: string): readonly T[];
}

/** The values under which an object is found; none leaves it out of the index. Pure and cheap: runs with every change. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

/**
 * Told after the cache holds the change, in the order of the server. `before` is absent for a new object, `after` for a
 * deleted one; where changes were missed, both states are the ones next to the gap. Must not wait: enqueue a key.
 */
export type ChangeHandler<T extends KubeObject> = (before: T | undefined, after: T | undefined) => void;

/** A cache that tells what changed. */
export interface ChangeSource<T extends KubeObject> {
  /** Calls `handler` for what is there already, then for each change. The returned function ends that. */
  onChange(handler: ChangeHandler<T>): () => void;
  /** True once the cache has held a complete list. */
  hasSynced(): boolean;
}
