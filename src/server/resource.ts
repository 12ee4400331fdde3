import type { CustomResourceDefinition, PrinterColumn } from "../api/custom-resource-definition.ts";
import type { JsonSchema } from "../api/json-schema.ts";

/** One served version of one kind: what discovery, validation, tables, OpenAPI and storage need to know of it. */
export interface ResourceDefinition {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: Readonly<{
    status?: boolean;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  }>;
  /** Absent: the object is stored as it comes (metadata is checked all the same). */
  readonly schema: JsonSchema | undefined;
  /** Columns of the Table answer. Built-in kinds bring their own, as kubectl shows them. */
  readonly columns: readonly PrinterColumn[];
  /** JSON paths, beyond metadata.name and metadata.namespace, that field selectors may use. */
  readonly selectableFields: readonly string[];
  /** True where `spec` exists and `metadata.generation` counts its changes. */
  readonly hasGeneration: boolean;
  /** The CustomResourceDefinition it came from; absent for built-in kinds. */
  readonly definition?: CustomResourceDefinition;
}

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** A field that was refused. `path` is written as Kubernetes does: `spec.volumes[0].name`. */
export interface FieldError {
  type:
    | "FieldValueInvalid"
    | "FieldValueRequired"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueDuplicate"
    | "FieldValueTooLong"
    | "FieldValueTooMany"
    | "FieldValueTypeInvalid"
    | "FieldValueNotFound"
    | "InternalError";
  path: string;
  /** The cause's text without the path, such as `Required value` or `Invalid value: "x": must be …`. */
  message: string;
}
