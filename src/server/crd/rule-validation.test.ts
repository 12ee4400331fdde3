import { expect, it } from "@jest/globals";
import type { JsonSchema } from "../../api/json-schema.ts";
import { ruleErrors } from "./rule-validation.ts";

const grows = { "x-kubernetes-validations": [{ rule: "self >= oldSelf" }] };
const number: JsonSchema = { type: "integer", ...grows };
const item: JsonSchema = { type: "object", properties: { name: { type: "string" }, value: number } };
const mapList = { "x-kubernetes-list-type": "map" as const, "x-kubernetes-list-map-keys": ["name"] };
const list = (items: JsonSchema, rest: Partial<JsonSchema> = {}): JsonSchema => ({
  type: "array",
  maxItems: 3,
  items,
  ...rest,
});

it.each<{ because: string; schema: JsonSchema; within?: string }>([
  { because: "fields of an object are told apart by name", schema: item },
  { because: "items of a map list have keys", schema: list(item, mapList) },
  { because: "items of a list have none", schema: list(number), within: "value" },
  { because: "items of a set have none", schema: list(number, { "x-kubernetes-list-type": "set" }), within: "value" },
  {
    because: "the outermost of several is named",
    schema: list(list(item, mapList)),
    within: "value",
  },
  {
    because: "an atomic map is replaced as a whole",
    schema: { ...item, "x-kubernetes-map-type": "atomic" },
    within: "value",
  },
])("lets a rule compare with the old value where $because", ({ schema, within }) => {
  const found = ruleErrors({ type: "object", properties: { value: schema } }, "schema").map(({ message }) => message);
  const because = `oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[${within}]`;
  expect(found).toEqual(within === undefined ? [] : [expect.stringContaining(because)]);
});
