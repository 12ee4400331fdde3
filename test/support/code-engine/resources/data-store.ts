import { type JsonObject, object, oneOf, type ReadOptions, readFields, required, text } from "../fields/field.ts";
import { dataStoreName, dottedName } from "../fields/names.ts";
import { Resource, type ResourceOptions } from "./resource.ts";

interface Bucket {
  readonly bucket_location: string;
  readonly bucket_name: string;
  readonly secret_name: string;
}

const bucketText = text({ min: 1, max: 63 });
const bucket = object(
  (members, at): Bucket => ({
    bucket_location: required(bucketText)(members.bucket_location, `${at}.bucket_location`),
    bucket_name: required(bucketText)(members.bucket_name, `${at}.bucket_name`),
    secret_name: required(dottedName)(members.secret_name, `${at}.secret_name`),
  }),
);

const fields = {
  name: required(dataStoreName),
  storage_type: required(oneOf("object_storage")),
  data: required(bucket),
};

/** @throws {ApiError} 400 */
export function readDataStore(
  body: JsonObject,
  options: ReadOptions,
): { readonly name: string; readonly data: Bucket } {
  const { name, data } = readFields(fields, body, options);
  return { name, data };
}

/** A bucket that workloads can mount. */
export class DataStore extends Resource {
  readonly #projectId: string;
  readonly #data: Bucket;

  constructor(options: ResourceOptions & { readonly projectId: string; readonly data: Bucket }) {
    super(options);
    this.#projectId = options.projectId;
    this.#data = options.data;
  }

  view(): JsonObject {
    return {
      ...this.head(this.#projectId, "persistent_data_store_v2"),
      entity_tag: this.entityTag,
      storage_type: "object_storage",
      data: this.#data,
    };
  }
}
