import { randomUUID } from "node:crypto";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../../src/api/meta.ts";
import { alreadyExists, notFound } from "../../src/server/http/status-error.ts";
import type {
  GroupResource,
  ObjectChange,
  ObjectReader,
  ObjectWriter,
  WriterOptions,
} from "../../src/server/object-reader.ts";

/** The server's own view of stored objects, without a server: a working store that validates nothing. */
export class MemoryObjects implements ObjectReader, ObjectWriter {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Map<string, Set<(change: ObjectChange) => void>>();
  /** Every write so far, such as `update clusterroles view`. */
  readonly writes: string[] = [];
  #version = 0;
  /** Makes the writes that come next fail, this often. */
  failures = 0;

  /** Stores an object as it is, with what its metadata lacks filled in. */
  put(resource: GroupResource, object: object): KubeObject {
    const { metadata, ...rest } = object as KubeObject;
    const identity = { uid: randomUUID(), creationTimestamp: "2026-01-01T00:00:00Z" };
    const stored: KubeObject = {
      ...rest,
      metadata: { ...identity, ...metadata, resourceVersion: String(++this.#version) },
    };
    const key = formatKey(keyOf(stored));
    const existed = this.#store(resource).has(key);
    this.#store(resource).set(key, stored);
    this.#notify(resource, { type: existed ? "MODIFIED" : "ADDED", object: stored });
    return stored;
  }

  remove(resource: GroupResource, key: ObjectKey): void {
    const object = this.#store(resource).get(formatKey(key));
    if (!object) return;
    this.#store(resource).delete(formatKey(key));
    this.#notify(resource, { type: "DELETED", object });
  }

  get<T extends KubeObject>(resource: GroupResource, key: ObjectKey): T | undefined {
    return this.#store(resource).get(formatKey(key)) as T | undefined;
  }

  list<T extends KubeObject>(resource: GroupResource, namespace?: string): readonly T[] {
    const all = [...this.#store(resource).values()] as T[];
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  subscribe(resource: GroupResource, listener: (change: ObjectChange) => void): () => void {
    const listeners = this.#listeners.get(storeName(resource)) ?? new Set();
    this.#listeners.set(storeName(resource), listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async create(resource: GroupResource, object: object, _options?: WriterOptions): Promise<KubeObject> {
    const { metadata } = object as KubeObject;
    this.#write("create", resource, metadata.name);
    if (this.get(resource, keyOf(object as KubeObject))) {
      throw alreadyExists({ group: resource.group, kind: resource.plural, name: metadata.name });
    }
    return this.put(resource, object);
  }

  async update(
    resource: GroupResource,
    key: ObjectKey,
    change: (current: KubeObject) => object | undefined,
  ): Promise<KubeObject> {
    this.#write("update", resource, key.name);
    const current = this.get(resource, key);
    if (!current) throw notFound({ group: resource.group, kind: resource.plural, name: key.name });
    const next = change(current);
    return next ? this.put(resource, next) : current;
  }

  async delete(resource: GroupResource, key: ObjectKey): Promise<void> {
    this.#write("delete", resource, key.name);
    this.remove(resource, key);
  }

  #write(verb: string, { plural }: GroupResource, name: string): void {
    if (this.failures > 0) {
      this.failures--;
      throw new Error("the disk is full");
    }
    this.writes.push(`${verb} ${plural} ${name}`);
  }

  #store(resource: GroupResource): Map<string, KubeObject> {
    const name = storeName(resource);
    const store = this.#objects.get(name) ?? new Map<string, KubeObject>();
    this.#objects.set(name, store);
    return store;
  }

  #notify(resource: GroupResource, change: ObjectChange): void {
    for (const listener of this.#listeners.get(storeName(resource)) ?? []) listener(change);
  }
}

function storeName({ group, plural }: GroupResource): string {
  return `${plural}.${group}`;
}
