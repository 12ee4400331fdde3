import { describe, expect, it } from "@jest/globals";
import { recordedDefinitions } from "../../../test/support/recordings.ts";
import type { CustomResourceDefinition } from "../../api/custom-resource-definition.ts";
import { definitionsOf } from "./definitions-of.ts";
import { validateDefinition } from "./validate-definition.ts";

/** A definition as the server has it before validation: names completed, storage versions remembered. */
function completed({ metadata, spec }: Pick<CustomResourceDefinition, "metadata" | "spec">): CustomResourceDefinition {
  const { names, versions } = structuredClone(spec);
  names.singular ??= names.kind.toLowerCase();
  names.listKind ??= `${names.kind}List`;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata,
    spec: { ...spec, names },
    status: { storedVersions: versions.filter(({ storage }) => storage).map(({ name }) => name) },
  };
}

function byText(items: readonly unknown[]): string[] {
  return items.map((item) => JSON.stringify(item)).sort();
}

describe("a definition is refused as by kube-apiserver", () => {
  it.each(recordedDefinitions())("$because", ({ definition, errors = [] }) => {
    const found = validateDefinition(completed(definition)).map(({ type, path, message }) => ({ type, path, message }));
    expect(byText(found)).toEqual(byText(errors));
  });
});

it("serves what is marked as served", () => {
  const [recorded] = recordedDefinitions();
  const { definition: sent } = recorded as NonNullable<typeof recorded>;
  const definition = completed(sent);
  const [version] = definition.spec.versions;
  definition.spec.versions = [
    { ...(version as NonNullable<typeof version>), name: "v2", served: true, subresources: { status: {} } },
    { ...(version as NonNullable<typeof version>), name: "v1", served: false },
  ];
  expect(definitionsOf(definition)).toMatchObject([
    { version: "v2", kind: "Thing", plural: "things", namespaced: true, subresources: { status: true } },
  ]);
});
