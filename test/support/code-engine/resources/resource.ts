import type { JsonObject } from "../fields/field.ts";
import { fingerprint, newId, type World } from "../world.ts";

export interface ResourceOptions {
  readonly world: World;
  readonly name: string;
  /** Absolute. */
  readonly href: string;
}

/** What all resources of a project have. */
export abstract class Resource {
  readonly id = newId();
  readonly world: World;
  readonly name: string;
  readonly href: string;
  readonly createdAt: string;
  /** Deleted, but not gone yet. */
  deleting = false;
  #changes = 0;

  constructor({ world, name, href }: ResourceOptions) {
    this.world = world;
    this.name = name;
    this.href = href;
    this.createdAt = world.timestamp();
  }

  /** 1–63 characters of `[*a-z0-9-]`; another one after every change. */
  get entityTag(): string {
    return `${this.#changes}-${fingerprint([this.id, this.#changes]).slice(0, 10)}`;
  }

  specChanged(): void {
    this.#changes += 1;
  }

  statusChanged(): void {
    if (this.world.switches.statusMovesEntityTag) this.#changes += 1;
  }

  /** Called once, when its deletion begins. */
  ended(): void {
    this.deleting = true;
  }

  abstract view(version: string): JsonObject;

  /** What the views of all begin with. */
  protected head(projectId: string, resourceType: string): JsonObject {
    return {
      id: this.id,
      name: this.name,
      href: this.href,
      created_at: this.createdAt,
      project_id: projectId,
      region: this.world.region,
      resource_type: resourceType,
    };
  }
}
