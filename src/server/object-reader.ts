import type { KubeObject, ObjectKey } from "../api/meta.ts";
import type { UserInfo } from "./access/access.ts";

/** Names what is stored. Versions of one kind share a store, so there is none here. */
export interface GroupResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly plural: string;
}

/** A change that is durable. A deletion carries the last state. */
export interface ObjectChange {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

/**
 * Reads from the server's memory, for code inside the server (access control, owner collection). Answers are what the
 * store holds, in its storage version; callers must not change them.
 */
export interface ObjectReader {
  get<T extends KubeObject>(resource: GroupResource, key: ObjectKey): T | undefined;
  list<T extends KubeObject>(resource: GroupResource, namespace?: string): readonly T[];
  /** Calls `listener` after each durable change, in order. Listeners must be quick. The returned function ends it. */
  subscribe(resource: GroupResource, listener: (change: ObjectChange) => void): () => void;
}

/**
 * Writes of the server itself: they pass validation and managed fields like anybody's, but no authorization.
 * `user` defaults to `system:apiserver`.
 */
export interface ObjectWriter {
  /** @throws {StatusError} AlreadyExists among others. */
  create(resource: GroupResource, object: object, options?: WriterOptions): Promise<KubeObject>;
  /**
   * Reads, changes and writes under the key's lock, so there is no conflict. `change` returns the new object, or
   * undefined to leave it. Resolves to the object as it then is. @throws {StatusError} NotFound among others.
   */
  update(
    resource: GroupResource,
    key: ObjectKey,
    change: (current: KubeObject) => object | undefined,
    options?: WriterOptions,
  ): Promise<KubeObject>;
  /** Succeeds when it is gone already. */
  delete(
    resource: GroupResource,
    key: ObjectKey,
    options?: { uid?: string; propagationPolicy?: string },
  ): Promise<void>;
}

export interface WriterOptions {
  readonly fieldManager?: string;
  readonly subresource?: string;
  readonly user?: UserInfo;
}
