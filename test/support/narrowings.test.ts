import { describe, expect, it } from "@jest/globals";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import type { JsonSchema } from "../../src/api/json-schema.ts";
import { narrowings } from "./narrowings.ts";

type Definition = CustomResourceDefinition & {
  spec: { versions: [CustomResourceDefinition["spec"]["versions"][number]] };
};

function definition(schema: JsonSchema): Definition {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "things.slipway.dev", uid: "", resourceVersion: "", creationTimestamp: "" },
    spec: {
      group: "slipway.dev",
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing" },
      versions: [
        {
          ...{ name: "v1", served: true, storage: true, subresources: { status: {} } },
          selectableFields: [{ jsonPath: ".spec.size" }],
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
}

const SIZE: JsonSchema = { type: "integer", minimum: 1, maximum: 9, default: 3 };
const NAME: JsonSchema = { type: "string", enum: ["a", "b"], maxLength: 5 };
const BEFORE: JsonSchema = {
  type: "object",
  required: ["name"],
  properties: {
    size: SIZE,
    name: NAME,
    parts: { type: "array", items: { type: "object", properties: { id: { type: "string", nullable: true } } } },
    labels: { type: "object", additionalProperties: { type: "string" } },
  },
};
const withProperty = (name: string, schema: JsonSchema): JsonSchema => ({
  ...BEFORE,
  properties: { ...BEFORE.properties, [name]: schema },
});

const { size: _size, ...others } = BEFORE.properties ?? {};
const withoutSize: JsonSchema = { ...BEFORE, properties: others };

describe("what a definition takes away", () => {
  it.each<{ because: string; schema: JsonSchema; finds: string }>([
    { because: "a field goes", schema: withoutSize, finds: ".size is gone" },
    { because: "a maximum sinks", schema: withProperty("size", { ...SIZE, maximum: 8 }), finds: ".size: maximum is 8" },
    { because: "a minimum rises", schema: withProperty("size", { ...SIZE, minimum: 2 }), finds: ".size: minimum is 2" },
    {
      because: "a bound is new",
      schema: withProperty("name", { ...NAME, minLength: 1 }),
      finds: ".name: minLength is 1",
    },
    {
      because: "a value goes",
      schema: withProperty("name", { ...NAME, enum: ["a"] }),
      finds: '.name: "b" is no value any more',
    },
    {
      because: "a pattern is new",
      schema: withProperty("name", { ...NAME, pattern: "^a" }),
      finds: ".name: pattern is ^a",
    },
    {
      because: "a type changes",
      schema: withProperty("size", { ...SIZE, type: "number" }),
      finds: '.size: type was "integer"',
    },
    {
      because: "a default changes",
      schema: withProperty("size", { ...SIZE, default: 4 }),
      finds: ".size: default was 3",
    },
    {
      because: "a field is required",
      schema: { ...BEFORE, required: ["name", "parts"] },
      finds: "the object: parts is required",
    },
    {
      because: "a rule is new",
      schema: withProperty("name", { ...NAME, "x-kubernetes-validations": [{ rule: "self != 'a'" }] }),
      finds: ".name: new rule self != 'a'",
    },
    {
      because: "a field of a list's items goes",
      schema: withProperty("parts", { type: "array", items: { type: "object", properties: {} } }),
      finds: ".parts[].id is gone",
    },
    {
      because: "null is refused",
      schema: withProperty("parts", {
        type: "array",
        items: { type: "object", properties: { id: { type: "string" } } },
      }),
      finds: ".parts[].id: nullable is gone",
    },
    {
      because: "a map's values are bounded",
      schema: withProperty("labels", { type: "object", additionalProperties: { type: "string", maxLength: 3 } }),
      finds: ".labels.*: maxLength is 3",
    },
  ])("is found where $because", ({ schema, finds }) => {
    expect(narrowings(definition(BEFORE), definition(schema))).toEqual([finds]);
  });

  it.each<{ because: string; schema: JsonSchema }>([
    { because: "nothing changes", schema: BEFORE },
    { because: "a field is new", schema: withProperty("colour", { type: "string" }) },
    { because: "a bound goes", schema: withProperty("size", { type: "integer", minimum: 1, default: 3 }) },
    { because: "a value is new", schema: withProperty("name", { ...NAME, enum: ["a", "b", "c"] }) },
    { because: "only words change", schema: withProperty("name", { ...NAME, description: "of it" }) },
    {
      because: "what is required has a default",
      schema: { ...withProperty("mode", { type: "string", default: "x" }), required: ["name", "mode"] },
    },
  ])("is nothing where $because", ({ schema }) => {
    expect(narrowings(definition(BEFORE), definition(schema))).toEqual([]);
  });

  it("is found around the schema, too", () => {
    const { selectableFields: _, subresources: __, ...version } = definition(BEFORE).spec.versions[0];
    const after = { ...definition(BEFORE), spec: { ...definition(BEFORE).spec, scope: "Cluster" as const } };
    after.spec.versions = [{ ...version, served: false }];
    expect(narrowings(definition(BEFORE), after)).toEqual([
      "scope changed",
      "version v1 is not served any more",
      "subresource status is gone",
      "field selector .spec.size is gone",
    ]);
  });
});
