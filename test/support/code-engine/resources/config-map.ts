import { type JsonObject, type ReadOptions, readFields, required, withDefault } from "../fields/field.ts";
import { dottedName } from "../fields/names.ts";
import { stringMap } from "./key-values.ts";
import { Resource, type ResourceOptions } from "./resource.ts";

type Data = Readonly<Record<string, string>>;

/** @throws {ApiError} 400 */
export function readConfigMap(body: JsonObject, options: ReadOptions): { readonly name: string; readonly data: Data } {
  return readFields({ name: required(dottedName), data: withDefault(stringMap, {}) }, body, options);
}

/** @throws {ApiError} 400 */
export function readConfigMapReplacement(body: JsonObject, options: ReadOptions): Data {
  return readFields({ data: withDefault(stringMap, {}) }, body, options).data;
}

export class ConfigMap extends Resource {
  data: Data;
  readonly #projectId: string;

  constructor(options: ResourceOptions & { readonly projectId: string; readonly data: Data }) {
    super(options);
    this.#projectId = options.projectId;
    this.data = options.data;
  }

  /** Equal for all its mounts. */
  get mountKey(): string {
    return `${this.#projectId}/config_map/${this.name}`;
  }

  replace(data: Data): void {
    this.data = data;
    this.specChanged();
  }

  view(): JsonObject {
    return {
      ...this.head(this.#projectId, "config_map_v2"),
      entity_tag: this.entityTag,
      data: this.data,
    };
  }
}
