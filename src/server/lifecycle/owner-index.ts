import type { OwnerReference } from "../../api/meta.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { Change, Store, StoredObject } from "../storage/store.ts";

/** Where an object is stored. */
export interface StoredKey {
  readonly resource: string;
  readonly key: string;
}

/** Who depends on whom, by the owner's uid; follows the store. */
export class OwnerIndex {
  readonly #dependents = new Map<string, Map<string, StoredKey>>();

  constructor(store: Store, resources: Iterable<string>) {
    for (const resource of resources) for (const stored of store.list(resource)) this.#add(stored);
  }

  follow({ current, previous }: Change): void {
    if (previous) this.#remove(previous);
    if (current) this.#add(current);
  }

  dependentsOf(uid: string): StoredKey[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])];
  }

  #add(stored: StoredObject): void {
    for (const { uid } of ownersOf(stored)) {
      const dependents = this.#dependents.get(uid) ?? new Map<string, StoredKey>();
      this.#dependents.set(uid, dependents.set(identity(stored), { resource: stored.resource, key: stored.key }));
    }
  }

  #remove(stored: StoredObject): void {
    for (const { uid } of ownersOf(stored)) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(identity(stored));
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
  }
}

/** Owners of a stored object. Most objects have none, and are not parsed to see that. */
export function ownersOf(stored: StoredObject): readonly OwnerReference[] {
  if (!stored.json.includes('"ownerReferences":')) return [];
  return (JSON.parse(stored.json) as ApiObject).metadata.ownerReferences ?? [];
}

function identity({ resource, key }: StoredKey): string {
  return `${resource}\0${key}`;
}
