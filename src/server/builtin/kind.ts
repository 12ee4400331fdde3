import type { PrinterColumn } from "../../api/custom-resource-definition.ts";
import type { JsonSchema } from "../../api/json-schema.ts";
import { apiVersionOf } from "../../api/meta.ts";
import { subdomainErrors } from "../registry/object-name.ts";
import { type Conversion, ServedResource } from "../registry/served-resource.ts";
import type { Strategy } from "../registry/strategy.ts";
import type { ResourceDefinition, Verb } from "../resource.ts";

const ALL_VERBS: readonly Verb[] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** What tells one built-in kind from another; the rest follows from Kubernetes' habits. */
export interface BuiltInKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly verbs?: readonly Verb[];
  readonly subresources?: ResourceDefinition["subresources"];
  readonly schema: JsonSchema | undefined;
  readonly columns: readonly PrinterColumn[];
  readonly selectableFields?: readonly string[];
  readonly hasGeneration?: boolean;
  readonly strategy?: Partial<Strategy>;
  /** `apiVersion` of the stored form, where it is another. */
  readonly storedApiVersion?: string;
  readonly conversion?: Conversion;
}

/** Built-in kinds allow updates without a version, unlike custom ones. */
const DEFAULT_STRATEGY: Strategy = {
  nameErrors: subdomainErrors,
  unconditionalUpdate: true,
  createOnUpdate: false,
  deleteReturnsObject: false,
  qualifiedFinalizers: true,
};

export function serveBuiltIn(kind: BuiltInKind): ServedResource {
  const apiVersion = apiVersionOf(kind);
  const definition: ResourceDefinition = {
    group: kind.group,
    version: kind.version,
    plural: kind.plural,
    singular: kind.kind.toLowerCase(),
    kind: kind.kind,
    listKind: `${kind.kind}List`,
    shortNames: kind.shortNames ?? [],
    categories: kind.categories ?? [],
    namespaced: kind.namespaced,
    verbs: kind.verbs ?? ALL_VERBS,
    subresources: kind.subresources ?? {},
    schema: kind.schema,
    columns: kind.columns,
    selectableFields: kind.selectableFields ?? [],
    hasGeneration: kind.hasGeneration ?? false,
  };
  const storedApiVersion = kind.storedApiVersion ?? apiVersion;
  return new ServedResource({
    definition,
    strategy: { ...DEFAULT_STRATEGY, ...kind.strategy },
    storedApiVersion,
    shape: storedApiVersion,
    ...(kind.conversion ? { conversion: kind.conversion } : {}),
  });
}
