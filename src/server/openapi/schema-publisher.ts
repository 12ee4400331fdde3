import type { JsonSchema } from "../../api/json-schema.ts";
import { publishedSchema, typeNameOf } from "../builtin/schemas/index.ts";
import type { ResourceDefinition } from "../resource.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";
import { metaSchemas } from "./meta-schemas.ts";
import { META_PACKAGE, modelName, typeModelName } from "./model-name.ts";

/** A schema as a document has it. */
export type PublishedSchema = Readonly<Record<string, unknown>>;

const METADATA_DESCRIPTION =
  "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";
const API_VERSION_DESCRIPTION =
  "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND_DESCRIPTION =
  "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

/** Keywords that Swagger 2.0 does not know; clients of it would stumble. */
const V3_ONLY: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf", "not", "nullable", "default"]);

/** Collects the schemas of one document, each under its name, with references between them. */
export class SchemaPublisher {
  readonly schemas: Record<string, PublishedSchema> = {};
  readonly #version: 2 | 3;

  constructor(version: 2 | 3) {
    this.#version = version;
    for (const [name, schema] of Object.entries(metaSchemas)) this.#add(`${META_PACKAGE}.${name}`, schema);
  }

  /** `$ref` to a schema of this document. */
  reference(name: string): { readonly $ref: string } {
    return { $ref: `#/${this.#version === 2 ? "definitions" : "components/schemas"}/${name}` };
  }

  /** Adds a kind and its list. */
  addKind(definition: ResourceDefinition): void {
    const name = modelName(definition);
    if (name in this.schemas) return;
    const { group, version, kind, listKind } = definition;
    const schema = definition.definition === undefined ? publishedSchema(group, version, kind) : definition.schema;
    this.schemas[name] = {};
    this.schemas[name] = {
      ...this.#publish({ type: "object", ...schema, properties: { ...schema?.properties, ...objectParts() } }),
      "x-kubernetes-group-version-kind": [{ group, kind, version }],
    };
    this.schemas[`${name}List`] = {
      type: "object",
      description: `A list of ${kind} objects.`,
      required: ["items"],
      properties: {
        apiVersion: { type: "string", description: API_VERSION_DESCRIPTION },
        kind: { type: "string", description: KIND_DESCRIPTION },
        metadata: this.#referenceWith(`${META_PACKAGE}.ListMeta`, { description: "Version and place of the list." }),
        items: { type: "array", description: "The objects.", items: this.reference(name) },
      },
      "x-kubernetes-group-version-kind": [{ group, kind: listKind, version }],
    };
  }

  #add(name: string, schema: JsonSchema): void {
    if (name in this.schemas) return;
    // Types may refer to themselves, so the place is taken first.
    this.schemas[name] = {};
    this.schemas[name] = this.#publish(schema);
  }

  #publish(schema: JsonSchema): PublishedSchema {
    const result: Record<string, unknown> = {};
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === "properties") result.properties = this.#properties(value as Record<string, JsonSchema>);
      else if (keyword === "items") result.items = this.#nested(value as JsonSchema);
      else if (keyword === "additionalProperties" && typeof value === "object") {
        result.additionalProperties = this.#nested(value as JsonSchema);
      } else if (this.#version === 3 || !V3_ONLY.has(keyword)) result[keyword] = value;
    }
    return result;
  }

  #properties(properties: Record<string, JsonSchema>): Record<string, PublishedSchema> {
    return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, this.#nested(property)]));
  }

  /** Types that are used in several places stand for themselves and are referred to. */
  #nested(schema: JsonSchema): PublishedSchema {
    if (schema === METADATA) {
      return this.#referenceWith(`${META_PACKAGE}.ObjectMeta`, { description: METADATA_DESCRIPTION });
    }
    if (schema === objectMetaSchema) return this.reference(`${META_PACKAGE}.ObjectMeta`);
    const type = typeNameOf(schema);
    if (type === undefined) return this.#publish(schema);
    const name = typeModelName(type);
    const { type: _type, properties: _properties, required: _required, ...rest } = schema;
    const { "x-kubernetes-map-type": mapType, ...own } = rest;
    this.#add(name, {
      type: "object",
      ...(schema.required === undefined ? {} : { required: schema.required }),
      ...(mapType === undefined ? {} : { "x-kubernetes-map-type": mapType }),
      properties: schema.properties ?? {},
    });
    return this.#referenceWith(name, own);
  }

  #referenceWith(name: string, extra: object): PublishedSchema {
    const reference = this.reference(name);
    if (Object.keys(extra).length === 0) return reference;
    if (this.#version === 3) return { ...extra, allOf: [reference] };
    return { ...this.#publish(extra as JsonSchema), ...reference };
  }
}

/** Stands for the metadata of whole objects, which is described in its own words. */
const METADATA: JsonSchema = { type: "object" };

function objectParts(): Record<string, JsonSchema> {
  return {
    apiVersion: { type: "string", description: API_VERSION_DESCRIPTION },
    kind: { type: "string", description: KIND_DESCRIPTION },
    metadata: METADATA,
  };
}
