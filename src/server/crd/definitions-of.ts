import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from "../../api/custom-resource-definition.ts";
import type { ResourceDefinition, Verb } from "../resource.ts";

const VERBS: readonly Verb[] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/** What an accepted definition serves: one entry for each served version, in the definition's order. */
export function definitionsOf(crd: CustomResourceDefinition): ResourceDefinition[] {
  return crd.spec.versions.filter(({ served }) => served).map((version) => definitionOf(crd, version));
}

/** One version, served or not: the storage version need not be served. */
export function definitionOf(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
): ResourceDefinition {
  const { group, names, scope } = crd.spec;
  const { status, scale } = version.subresources ?? {};
  return {
    group,
    version: version.name,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === "Namespaced",
    verbs: VERBS,
    subresources: {
      ...(status === undefined ? {} : { status: true }),
      ...(scale === undefined ? {} : { scale }),
    },
    schema: version.schema?.openAPIV3Schema,
    columns: version.additionalPrinterColumns ?? [],
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath),
    hasGeneration: true,
    definition: crd,
  };
}
