import { describe, expect, it } from "@jest/globals";
import type { ApiObject } from "../registry/strategy.ts";
import { decodeSchemas } from "./decode-schema.ts";

function definition(schema: unknown): ApiObject {
  return { spec: { versions: [{ name: "v1", schema: { openAPIV3Schema: schema } }] } } as unknown as ApiObject;
}

const AT = "spec.versions.schema.openAPIV3Schema";

describe("decodeSchemas", () => {
  it.each([
    {
      because: "a rule's message is no text",
      schema: { "x-kubernetes-validations": [{ rule: "true", message: 5 }] },
      field: `ValidationRule.${AT}.x-kubernetes-validations.message of type string`,
      given: "number",
    },
    {
      because: "a type is a list",
      schema: { properties: { a: { type: ["string"] } } },
      field: `JSONSchemaProps.${AT}.properties.type of type string`,
      given: "array",
    },
    {
      because: "it is a text",
      schema: "x",
      field: `CustomResourceValidation.${AT} of type v1.JSONSchemaProps`,
      given: "string",
    },
    {
      because: "properties are a list",
      schema: { properties: [] },
      field: `JSONSchemaProps.${AT}.properties of type map[string]v1.JSONSchemaProps`,
      given: "array",
    },
    {
      because: "a length is a fraction",
      schema: { maxLength: 1.5 },
      field: `JSONSchemaProps.${AT}.maxLength of type int64`,
      given: "number 1.5",
    },
    {
      because: "items are a text",
      schema: { items: "x" },
      field: `JSONSchemaProps.${AT}.items of type v1.JSONSchemaProps`,
      given: "string",
    },
    {
      because: "required is a text",
      schema: { required: "a" },
      field: `JSONSchemaProps.${AT}.required of type []string`,
      given: "string",
    },
  ])("says in Go's words that $because", ({ schema, field, given }) => {
    expect(decodeSchemas(definition(schema))).toBe(`json: cannot unmarshal ${given} into Go struct field ${field}`);
  });

  it("takes what Go takes, and drops nulls as Go does", () => {
    const object = definition({
      type: null,
      default: null,
      properties: { a: null, b: { items: [{ type: "string" }], additionalProperties: false, enum: [null, 1] } },
      "x-kubernetes-validations": [null],
    });
    expect(decodeSchemas(object)).toBeUndefined();
    expect(object).toEqual(
      definition({
        default: null,
        properties: { a: {}, b: { items: [{ type: "string" }], additionalProperties: false, enum: [null, 1] } },
        "x-kubernetes-validations": [{}],
      }),
    );
  });

  it.each([{ spec: undefined }, { spec: { versions: 5 } }, { spec: { versions: [null, { schema: [] }] } }])(
    "leaves what is wrong around schemas to others: %j",
    (object) => {
      expect(decodeSchemas(object as unknown as ApiObject)).toBeUndefined();
    },
  );
});
