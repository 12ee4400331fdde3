import { conflict, notFound, quotaExceeded } from "../http/api-error.ts";
import type { World } from "../world.ts";
import type { Resource } from "./resource.ts";

export interface CollectionOptions {
  readonly world: World;
  /** As in paths and in lists. */
  readonly plural: string;
  readonly quota: number;
}

/** The resources of one kind in one project, by name. */
export class Collection<R extends Resource> {
  readonly plural: string;
  readonly #world: World;
  readonly #quota: number;
  readonly #byName = new Map<string, R>();

  constructor({ world, plural, quota }: CollectionOptions) {
    this.#world = world;
    this.plural = plural;
    this.#quota = quota;
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): R | undefined {
    return this.#byName.get(name);
  }

  /** @throws {ApiError} 404 */
  find(name: string): R {
    const found = this.#byName.get(name);
    if (!found) throw notFound();
    return found;
  }

  /** By name. */
  list(): R[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws {ApiError} 409 while the name is in use or being deleted, 400 when the quota is exhausted */
  admit(name: string): void {
    const existing = this.#byName.get(name);
    if (existing) {
      throw conflict(
        existing.deleting ? `'${name}' is still being deleted.` : `A resource with the name '${name}' exists already.`,
      );
    }
    if (this.#byName.size >= this.#quota) throw quotaExceeded(this.plural, this.#quota);
  }

  add(resource: R): R {
    this.#byName.set(resource.name, resource);
    return resource;
  }

  /** Ends it at once; it can be read until its deletion is done. */
  delete(resource: R): void {
    if (resource.deleting) return;
    resource.ended();
    this.#world.after(this.#world.timings.deletionMs, () => this.remove(resource));
  }

  remove(resource: R): void {
    if (this.#byName.get(resource.name) === resource) this.#byName.delete(resource.name);
  }
}
