import { apiVersionOf, type ObjectMeta } from "../../api/meta.ts";
import type { ResourceDefinition } from "../resource.ts";
import { type CompiledSchema, compileSchema } from "../schema/compiled-schema.ts";
import type { StoredObject } from "../storage/store.ts";
import type { ApiObject, Strategy } from "./strategy.ts";

/** Renames fields between the stored form of a kind and another version of it. Both ways lose nothing. */
export interface Conversion {
  toStored(object: ApiObject): ApiObject;
  fromStored(object: ApiObject): ApiObject;
}

export interface ServedResourceOptions {
  readonly definition: ResourceDefinition;
  readonly strategy: Strategy;
  /** `apiVersion` of the stored form. */
  readonly storedApiVersion: string;
  /** Changes whenever the schema does: objects written under another shape are pruned and defaulted when read. */
  readonly shape: string;
  readonly conversion?: Conversion;
  /** Watches cannot start before this revision: the kind did not exist. */
  readonly since?: number;
  /** Shown as a warning to everybody who uses this version. */
  readonly deprecation?: string;
}

/** One version of one stored kind, with what it takes to read and write its objects. */
export class ServedResource {
  readonly definition: ResourceDefinition;
  readonly strategy: Strategy;
  readonly apiVersion: string;
  readonly storedApiVersion: string;
  readonly shape: string;
  readonly conversion: Conversion | undefined;
  readonly since: number;
  readonly storedGroup: string;
  /** Where objects are stored, whatever the version. */
  readonly storage: string;
  readonly isCustom: boolean;
  readonly deprecation: string | undefined;
  #schema: CompiledSchema | undefined;
  /** Objects in this version's form, for those that are stored in another. */
  readonly #rendered = new WeakMap<StoredObject, string>();

  constructor({
    definition,
    strategy,
    storedApiVersion,
    shape,
    conversion,
    since,
    deprecation,
  }: ServedResourceOptions) {
    this.definition = definition;
    this.strategy = strategy;
    this.apiVersion = apiVersionOf(definition);
    this.storedApiVersion = storedApiVersion;
    this.shape = shape;
    this.conversion = conversion;
    this.since = since ?? 0;
    this.deprecation = deprecation;
    this.isCustom = definition.definition !== undefined;
    this.storedGroup = groupOf(storedApiVersion);
    this.storage = storageName(this.storedGroup, definition.plural);
  }

  /** Compiled at first use: most kinds of most servers are never written. */
  get schema(): CompiledSchema | undefined {
    if (this.#schema === undefined && this.definition.schema !== undefined) {
      this.#schema = compileSchema(this.definition.schema, { isTyped: !this.isCustom });
    }
    return this.#schema;
  }

  /** The object as JSON in this version. Nearly always the very bytes that are stored. */
  render(stored: StoredObject): string {
    if (stored.shape === this.shape && this.apiVersion === this.storedApiVersion) return stored.json;
    let json = this.#rendered.get(stored);
    if (json === undefined) {
      json = JSON.stringify(this.parse(stored));
      this.#rendered.set(stored, json);
    }
    return json;
  }

  /** Whether it is stored in the version that is written now. The type stands first in what is stored. */
  isInStorageVersion({ json }: StoredObject): boolean {
    return json.startsWith(`{"apiVersion":${JSON.stringify(this.storedApiVersion)},`);
  }

  /** A fresh copy in this version, the caller's to change. */
  parse(stored: StoredObject): ApiObject {
    const object: ApiObject = JSON.parse(stored.json);
    if (this.conversion) return this.conversion.fromStored(object);
    object.apiVersion = this.apiVersion;
    if (stored.shape !== this.shape && this.schema) {
      this.schema.prune(object);
      this.schema.applyDefaults(object);
    }
    return object;
  }

  /** The form that is stored: type first, so that `withoutType` and readers of the bytes can rely on it. */
  toStored(object: ApiObject): ApiObject {
    const { apiVersion: _, kind: __, metadata, ...rest } = this.conversion ? this.conversion.toStored(object) : object;
    const type = { apiVersion: this.storedApiVersion, kind: this.definition.kind };
    return { ...type, metadata: inOrder(metadata), ...rest } as ApiObject;
  }
}

const METADATA_ORDER: readonly (keyof ObjectMeta)[] = [
  "name",
  "generateName",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "labels",
  "annotations",
  "ownerReferences",
  "finalizers",
  "managedFields",
];

/** Metadata in the order of the Go struct, as people are used to read it. */
function inOrder(metadata: ObjectMeta): ObjectMeta {
  const ordered: Record<string, unknown> = {};
  for (const field of METADATA_ORDER) {
    // The version comes with the write; its place is kept.
    if (metadata[field] !== undefined || field === "resourceVersion") ordered[field] = metadata[field] ?? "";
  }
  return ordered as unknown as ObjectMeta;
}

/** `configmaps`, `apps/deployments`. */
export function storageName(group: string, plural: string): string {
  return group === "" ? plural : `${group}/${plural}`;
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/** An item of a typed list: Kubernetes leaves apiVersion and kind out of those, but not of custom ones. */
export function withoutType(json: string): string {
  // Stored JSON begins {"apiVersion":"…","kind":"…","metadata": and neither value holds a quote.
  return `{${json.slice(json.indexOf('"metadata":'))}`;
}
