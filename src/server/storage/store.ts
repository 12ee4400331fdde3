/** One stored object. Immutable: a write makes another. */
export interface StoredObject {
  /** Where it is stored: `configmaps`, `apps/deployments`. All versions of a kind share it. */
  readonly resource: string;
  /** `namespace/name`, or the name of a cluster-scoped object. */
  readonly key: string;
  /** The revision of its creation: names it for as long as it lives, and no other object ever. */
  readonly id: number;
  /** Its `metadata.resourceVersion`. */
  readonly revision: number;
  /** The whole object as it was stored, compact JSON. */
  readonly json: string;
  /** Which schema it was written under; a reader with another one must prune and default it anew. */
  readonly shape: string;
}

/** One durable write. `current` is absent for a deletion, `previous` for a creation. */
export interface Change {
  readonly revision: number;
  readonly resource: string;
  readonly key: string;
  readonly current: StoredObject | undefined;
  readonly previous: StoredObject | undefined;
}

export interface Put {
  readonly resource: string;
  readonly key: string;
  readonly shape: string;
  /** The new object without its resourceVersion, which `put` sets on it. */
  readonly object: { metadata: { resourceVersion?: string } };
}

/**
 * The port to durable storage. Reads answer from memory and show durable writes only; `put` and `remove` resolve after
 * fsync. One monotonic revision counts all writes and never goes back, also over a crash.
 */
export interface Store {
  /** The latest durable revision. */
  readonly revision: number;
  get(resource: string, key: string): StoredObject | undefined;
  /** Sorted by key. `namespace` narrows to one. */
  list(resource: string, namespace?: string): readonly StoredObject[];
  /** The list as it was at `revision`; undefined when that is compacted. */
  listAt(resource: string, revision: number, namespace?: string): readonly StoredObject[] | undefined;
  count(resource: string): number;
  /** Durable changes of one resource after `revision`, oldest first; undefined when compacted. */
  changesSince(resource: string, revision: number): readonly Change[] | undefined;
  /** The oldest revision that `listAt` and `changesSince` can go back to. */
  readonly compactedRevision: number;
  /** Calls `listener` for each durable change of `resource` (of everything when undefined), in order. */
  subscribe(resource: string | undefined, listener: (change: Change) => void): () => void;
  /** Calls `listener` with the new revision after each group of durable changes, whatever they touched. */
  onRevision(listener: (revision: number) => void): () => void;
  /** Calls `listener` when another state took the place of all there was, with the last revision before; changes follow. */
  onReplaced(listener: (before: number) => void): () => void;
  /**
   * Runs `work` so that its writes belong to the state that it found: those it makes after that was replaced are refused.
   * What is a `step` counts from the beginning of the work that it is a step of, if any.
   * @throws {StateReplaced} from `put` and `remove` then.
   */
  inOneState<T>(work: () => T, kind?: "whole" | "step"): T;
  /** Runs `work` while nobody else runs for the same key. A failed `work` frees the key. */
  exclusively<T>(resource: string, key: string, work: () => T | Promise<T>): T | Promise<T>;
  /** Creates or replaces. Only within `exclusively` of the same key. @throws {StoreUnavailable | ObjectTooLarge} when it did not happen. */
  put(write: Put): Promise<StoredObject>;
  /** Resolves to the revision of the deletion. Only within `exclusively` of the same key, for a key that exists. */
  remove(resource: string, key: string): Promise<number>;
  /** Resolves once everything written before is durable and shown. */
  settled(): Promise<void>;
  /** Undefined while writes succeed; else why the last one did not. */
  readonly fault: string | undefined;
  close(): Promise<void>;
}

/** A write that did not happen: disk full, read-only, worker gone. Nothing of it is stored. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

/** A write to a state that is being replaced, or was meanwhile. Nothing of it is stored, and another attempt may succeed. */
export class StateReplaced extends Error {
  override readonly name = "StateReplaced";
  constructor() {
    super("a backup is being restored, and nothing of this write was stored; please try again");
  }
}

/** A state to take the place of all that a store has. */
export interface Replacement {
  /** A store of its own, which is only read. */
  readonly file: string;
  /** What is in it, sorted by key within each resource. */
  readonly objects: readonly StoredObject[];
  /** Its highest, above all that the store has given out. */
  readonly revision: number;
}

/** An object that etcd would not take either. The message is etcd's, which clients look for. */
export class ObjectTooLarge extends Error {
  override readonly name = "ObjectTooLarge";
  constructor() {
    super("etcdserver: request is too large");
  }
}

/** A data directory that cannot be opened as it is. The message says what to do; nothing was changed. */
export class StoreRefused extends Error {
  override readonly name = "StoreRefused";
}
