import { suffix } from "./suite.ts";

export interface DefinitionOptions {
  /** The schema of `spec`; a few fields of each kind unless told otherwise. */
  readonly spec?: object;
  readonly status?: object;
  readonly scope?: "Namespaced" | "Cluster";
  /** `status` is there unless told otherwise. */
  readonly subresources?: object;
  /** Added to the first version. */
  readonly version?: object;
  /** Further versions besides `v1`, whole. */
  readonly versions?: readonly { readonly name: string; readonly [field: string]: unknown }[];
}

/** A custom kind with its paths. */
export interface Kind {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  /** `group/v1`. */
  readonly apiVersion: string;
  /** Names of the versions that are served. */
  readonly versions: readonly string[];
  /** The object to create. */
  readonly definition: DefinitionObject;
  /** Path of the definition. */
  readonly path: string;
  /** An object of the kind. */
  object(name: string, rest?: object): object;
  /** Path of the collection in a namespace, or of one object in it. */
  in(namespace: string, name?: string, version?: string): string;
}

export interface DefinitionObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: object;
    readonly scope: string;
    readonly versions: readonly { readonly name: string; readonly schema?: object }[];
  };
}

const DEFAULT_SPEC = {
  type: "object",
  properties: {
    color: { type: "string" },
    size: { type: "integer" },
    replicas: { type: "integer", default: 1 },
    tags: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
    ports: {
      type: "array",
      items: {
        type: "object",
        required: ["port"],
        properties: { port: { type: "integer" }, name: { type: "string" }, target: { type: "integer" } },
      },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["port"],
    },
    options: { type: "object", additionalProperties: { type: "string" } },
  },
};

const DEFAULT_STATUS = {
  type: "object",
  properties: {
    phase: { type: "string" },
    replicas: { type: "integer" },
    conditions: {
      type: "array",
      items: {
        type: "object",
        required: ["type", "status"],
        properties: { type: { type: "string" }, status: { type: "string" } },
      },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
    },
  },
};

/** The schema of a whole object of these parts, as a definition has it. */
export const schemaOf = (spec: object = DEFAULT_SPEC, status: object = DEFAULT_STATUS) => ({
  openAPIV3Schema: { type: "object", properties: { spec, status } },
});

/** A kind named `Gadget` in a group that no other run has. */
export function definition(options: DefinitionOptions = {}): Kind {
  const { spec, status, scope = "Namespaced", subresources = { status: {} }, version = {}, versions = [] } = options;
  const group = `g${suffix()}.conformance.example.com`;
  const plural = "gadgets";
  const first = { name: "v1", served: true, storage: true, schema: schemaOf(spec, status), subresources, ...version };
  const apiVersion = `${group}/v1`;
  return {
    group,
    plural,
    kind: "Gadget",
    apiVersion,
    versions: [first.name, ...versions.map(({ name }) => name)],
    path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${group}`,
    definition: {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope,
        names: { plural, singular: "gadget", kind: "Gadget", listKind: "GadgetList" },
        versions: [first, ...versions],
      },
    },
    object: (name, rest = {}) => {
      const { metadata, ...others } = { metadata: {}, ...rest };
      return { apiVersion, kind: "Gadget", metadata: { name, ...metadata }, ...others };
    },
    in: (namespace, name, at = "v1") => {
      const where = scope === "Cluster" ? "" : `namespaces/${namespace}/`;
      return `/apis/${group}/${at}/${where}${plural}${name === undefined ? "" : `/${name}`}`;
    },
  };
}
