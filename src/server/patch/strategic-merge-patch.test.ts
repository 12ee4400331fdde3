import { describe, expect, it } from "@jest/globals";
import type { JsonSchema } from "../../api/json-schema.ts";
import { builtInSchema } from "../builtin/schemas/index.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

const deployments = builtInSchema("apps", "v1", "Deployment") as JsonSchema;

/** A Deployment as far as these patches look. */
function deployment(): Record<string, unknown> {
  return {
    metadata: { finalizers: ["example.com/a", "example.com/b"] },
    spec: {
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } },
      template: {
        metadata: { annotations: { a: "1", b: "2" } },
        spec: {
          containers: [
            { name: "main", image: "nginx:1", env: [{ name: "A", value: "1" }], ports: [{ containerPort: 80 }] },
            { name: "log", image: "log:1" },
          ],
          tolerations: [{ key: "x" }],
        },
      },
    },
  };
}

function pod(patch: object): object {
  return { spec: { template: { spec: patch } } };
}

/** What the patch made of the pod's spec. */
function patched(patch: object): Record<string, unknown> {
  const result = applyStrategicMergePatch(deployment(), patch, deployments) as {
    spec: { template: { spec: Record<string, unknown> } };
  };
  return result.spec.template.spec;
}

describe("lists with a merge key", () => {
  it.each([
    { because: "a new item comes first", containers: [{ name: "side" }], want: ["side", "main", "log"] },
    { because: "an item is deleted", containers: [{ name: "log", $patch: "delete" }], want: ["main"] },
    { because: "the list is replaced", containers: [{ $patch: "replace" }, { name: "only" }], want: ["only"] },
  ])("$because", ({ containers, want }) => {
    expect((patched(pod({ containers })).containers as { name: string }[]).map(({ name }) => name)).toEqual(want);
  });

  it("merge their items", () => {
    const env = [{ name: "B", value: "2" }];
    const [main] = patched(pod({ containers: [{ name: "main", image: "nginx:2", env }] })).containers as object[];
    expect(main).toEqual({
      name: "main",
      image: "nginx:2",
      env: [
        { name: "B", value: "2" },
        { name: "A", value: "1" },
      ],
      ports: [{ containerPort: 80 }],
    });
  });

  it("follow $setElementOrder", () => {
    const order = [{ name: "log" }, { name: "new" }, { name: "main" }];
    const patch = pod({ "$setElementOrder/containers": order, containers: [{ name: "new" }] });
    expect((patched(patch).containers as { name: string }[]).map(({ name }) => name)).toEqual(["log", "new", "main"]);
  });
});

it.each([
  {
    because: "a list without merge key is replaced",
    patch: pod({ tolerations: [{ key: "y" }] }),
    at: ["spec", "template", "spec", "tolerations"],
    want: [{ key: "y" }],
  },
  {
    because: "null removes",
    patch: pod({ tolerations: null }),
    at: ["spec", "template", "spec", "tolerations"],
    want: undefined,
  },
  {
    because: "$patch replace takes the place of a map",
    patch: { spec: { template: { metadata: { annotations: { $patch: "replace", c: "3" } } } } },
    at: ["spec", "template", "metadata", "annotations"],
    want: { c: "3" },
  },
  {
    because: "$patch delete empties a map",
    patch: { spec: { template: { metadata: { annotations: { $patch: "delete" } } } } },
    at: ["spec", "template", "metadata", "annotations"],
    want: {},
  },
  {
    because: "$retainKeys drops the others",
    patch: { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
    at: ["spec", "strategy"],
    want: { type: "Recreate" },
  },
  {
    because: "scalars of a merged list are added",
    patch: { metadata: { finalizers: ["example.com/c"] } },
    at: ["metadata", "finalizers"],
    want: ["example.com/c", "example.com/a", "example.com/b"],
  },
  {
    because: "scalars are deleted",
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["example.com/a"] } },
    at: ["metadata", "finalizers"],
    want: ["example.com/b"],
  },
])("$because", ({ patch, at, want }) => {
  const before = deployment();
  let value: unknown = applyStrategicMergePatch(before, patch, deployments);
  for (const key of at) value = (value as Record<string, unknown>)[key];
  expect(value).toEqual(want);
  expect(before).toEqual(deployment());
});

it.each([
  {
    because: "an item has no key",
    patch: pod({ containers: [{ image: "x" }] }),
    code: 500,
    message: "map: map[image:x] does not contain declared merge key: name",
  },
  {
    because: "a directive is unknown",
    patch: { spec: { strategy: { $patch: "explode" } } },
    code: 500,
    message: "unknown patch type: explode in map: map[$patch:explode]",
  },
  {
    because: "it is no object",
    patch: [],
    code: 400,
    message: "json: cannot unmarshal array into Go value of type map[string]interface {}",
  },
  {
    because: "a value has another type",
    patch: { spec: { replicas: "many" } },
    code: 422,
    message: ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:many]]": unrecognized type: int32',
  },
])("is refused when $because", ({ patch, code, message }) => {
  const attempt = () => applyStrategicMergePatch(deployment(), patch, deployments);
  expect(attempt).toThrow(expect.objectContaining({ code, message }));
});
