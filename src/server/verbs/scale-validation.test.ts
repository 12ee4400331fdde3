import { expect, it } from "@jest/globals";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import { parseJson } from "../schema/json-parser.ts";
import { scaleErrors } from "./scale-validation.ts";

const scale = { specReplicasPath: ".spec.pool.replicas", statusReplicasPath: ".status.replicas" };
const resource = { isCustom: true, definition: { subresources: { scale } } } as unknown as ServedResource;

/** Messages are those of `unstructured.NestedInt64` in k8s.io/apimachinery. */
it.each([
  { body: `{"spec":{"pool":{"replicas":2}}}`, says: [] },
  { body: `{"spec":{"pool":{}},"status":{}}`, says: [] },
  { body: `{"spec":{"pool":{"replicas":null}}}`, says: [] },
  { body: `{"spec":{"pool":{"replicas":2.0}}}`, says: ["2 is of the type float64, expected int64"] },
  { body: `{"spec":{"pool":{"replicas":2e1}}}`, says: ["20 is of the type float64, expected int64"] },
  { body: `{"spec":{"pool":{"replicas":1.5}}}`, says: ["1.5 is of the type float64, expected int64"] },
  { body: `{"spec":{"pool":{"replicas":true}}}`, says: ["true is of the type bool, expected int64"] },
  { body: `{"spec":{"pool":{"replicas":[1,"a"]}}}`, says: ["[1 a] is of the type []interface {}, expected int64"] },
  {
    body: `{"spec":{"pool":{"replicas":{"a":1}}}}`,
    says: ["map[a:1] is of the type map[string]interface {}, expected int64"],
  },
  { body: `{"spec":{"pool":"all"}}`, says: ["all is of the type string, expected map[string]interface{}"] },
])("says of $body: $says", ({ body, says }) => {
  const messages = scaleErrors(resource, parseJson(body).value as ApiObject).map(({ message }) => message);
  expect(messages).toEqual(says.map((text) => `Invalid value: 0: .spec.pool.replicas accessor error: ${text}`));
});

it("names how far it came, and refuses a negative number", () => {
  const body = `{"spec":"none","status":{"replicas":-1}}`;
  expect(scaleErrors(resource, parseJson(body).value as ApiObject)).toMatchObject([
    {
      path: ".spec.pool.replicas",
      message:
        "Invalid value: 0: .spec.pool accessor error: none is of the type string, expected map[string]interface{}",
    },
    { path: ".status.replicas", message: "Invalid value: -1: should be a non-negative integer" },
  ]);
});
