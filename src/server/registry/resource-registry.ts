import type { VirtualResource, VirtualSubresource } from "../http/virtual-resource.ts";
import type { ServedResource } from "./served-resource.ts";

/** Everything that is served, by group, version and plural. Custom kinds come and go. */
export class ResourceRegistry {
  readonly #stored = new Map<string, ServedResource>();
  readonly #virtual = new Map<string, VirtualResource>();
  readonly #subresources = new Map<string, VirtualSubresource>();
  readonly #listeners = new Set<() => void>();
  /** Grows with every change; discovery and OpenAPI cache by it. */
  generation = 0;

  add(resource: ServedResource): void {
    const { group, version, plural } = resource.definition;
    this.#stored.set(path(group, version, plural), resource);
    this.#changed();
  }

  addVirtual(resource: VirtualResource): void {
    const { group, version, plural } = resource.definition;
    this.#virtual.set(path(group, version, plural), resource);
    this.#changed();
  }

  addSubresource(resource: VirtualSubresource): void {
    const { parent, subresource } = resource;
    this.#subresources.set(`${path(parent.group, parent.version, parent.plural)}/${subresource}`, resource);
    this.#changed();
  }

  /** Ends serving the custom versions of a kind. */
  removeCustom(group: string, plural: string): void {
    for (const [key, { definition, isCustom }] of this.#stored) {
      if (isCustom && definition.group === group && definition.plural === plural) this.#stored.delete(key);
    }
    this.#changed();
  }

  find(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#stored.get(path(group, version, plural));
  }

  isServed(group: string, version: string, plural: string): boolean {
    const key = path(group, version, plural);
    return this.#stored.has(key) || this.#virtual.has(key);
  }

  findVirtual(group: string, version: string, plural: string): VirtualResource | undefined {
    return this.#virtual.get(path(group, version, plural));
  }

  findSubresource(group: string, version: string, plural: string, subresource: string): VirtualSubresource | undefined {
    return this.#subresources.get(`${path(group, version, plural)}/${subresource}`);
  }

  /** The served version that is stored, or any other: how code inside the server sees a kind. */
  ofStorage(storage: string): ServedResource | undefined {
    let any: ServedResource | undefined;
    for (const resource of this.#stored.values()) {
      if (resource.storage !== storage) continue;
      if (resource.apiVersion === resource.storedApiVersion) return resource;
      any ??= resource;
    }
    return any;
  }

  /** Any served version of the kind, for owner references, which name a kind instead of a resource. */
  ofKind(apiVersion: string, kind: string): ServedResource | undefined {
    for (const resource of this.#stored.values()) {
      if (resource.definition.kind === kind && resource.apiVersion === apiVersion) return resource;
    }
    return undefined;
  }

  stored(): IterableIterator<ServedResource> {
    return this.#stored.values();
  }

  virtual(): IterableIterator<VirtualResource> {
    return this.#virtual.values();
  }

  subresources(): IterableIterator<VirtualSubresource> {
    return this.#subresources.values();
  }

  /** True where the group is one of Kubernetes' own: unknown paths below it answer with a Status. */
  isBuiltInGroup(group: string): boolean {
    for (const { definition, isCustom } of this.#stored.values())
      if (!isCustom && definition.group === group) return true;
    for (const { definition } of this.#virtual.values()) if (definition.group === group) return true;
    return false;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    this.generation++;
    for (const listener of this.#listeners) listener();
  }
}

function path(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}
