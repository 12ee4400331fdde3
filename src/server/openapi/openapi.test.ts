import { describe, expect, it } from "@jest/globals";
import { recordedKinds } from "../../../test/support/recordings.ts";
import type { ResourceDefinition } from "../resource.ts";
import { openApiV2 } from "./v2.ts";
import { openApiV3 } from "./v3.ts";

const widgets = recordedKinds().get("widgets/v1") as ResourceDefinition;
const deployments: ResourceDefinition = {
  ...withoutDefinition(widgets),
  group: "apps",
  plural: "deployments",
  kind: "Deployment",
  listKind: "DeploymentList",
};

function withoutDefinition({ definition: _, ...rest }: ResourceDefinition): ResourceDefinition {
  return rest;
}

type Document = Record<string, Record<string, Record<string, Record<string, unknown>>>>;

function references(document: object): string[] {
  const found = new Set<string>();
  JSON.stringify(document, (key, value: unknown) => {
    if (key === "$ref") found.add(String(value).split("/").at(-1) as string);
    return value;
  });
  return [...found];
}

describe("OpenAPI 3", () => {
  const document = openApiV3([widgets, deployments]) as Document;
  const schemas = document.components?.schemas ?? {};
  const item = document.paths?.["/apis/g.example.com/v1/namespaces/{namespace}/widgets/{name}"] ?? {};

  it("refers only to what it has", () => {
    expect(references(document).filter((name) => !(name in schemas))).toEqual([]);
  });

  it("describes a custom kind under its reversed group", () => {
    expect(schemas["com.example.g.v1.Widget"]).toMatchObject({
      description: "A Widget runs one thing.",
      required: ["spec"],
      "x-kubernetes-group-version-kind": [{ group: "g.example.com", kind: "Widget", version: "v1" }],
    });
    expect(schemas["com.example.g.v1.WidgetList"]).toMatchObject({ required: ["items"] });
  });

  it("shares the types of built-in kinds, with what merging needs", () => {
    expect(schemas["io.k8s.api.core.v1.PodSpec"]?.properties).toMatchObject({
      containers: {
        type: "array",
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-patch-merge-key": "name",
        items: { $ref: "#/components/schemas/io.k8s.api.core.v1.Container" },
      },
    });
    expect(schemas["io.k8s.api.apps.v1.DeploymentSpec"]).toMatchObject({ required: ["selector", "template"] });
  });

  it("says what kubectl looks for in a patch", () => {
    const { patch, get } = item as { patch?: Record<string, unknown>; get?: Record<string, unknown> };
    const parameters = (patch?.parameters ?? []) as { name: string }[];
    expect(parameters.map(({ name }) => name)).toEqual(["dryRun", "fieldManager", "fieldValidation", "force"]);
    expect(patch?.["x-kubernetes-group-version-kind"]).toEqual({
      group: "g.example.com",
      version: "v1",
      kind: "Widget",
    });
    expect(get?.["x-kubernetes-action"]).toBe("get");
    const { content = {} } = (patch?.requestBody ?? {}) as { content?: object };
    expect(Object.keys(content)).toEqual([
      "application/apply-patch+yaml",
      "application/json-patch+json",
      "application/merge-patch+json",
    ]);
  });

  it("gives every operation a name of its own", () => {
    const ids: string[] = [];
    JSON.stringify(document.paths, (key, value: unknown) => {
      if (key === "operationId") ids.push(String(value));
      return value;
    });
    expect(new Set(ids).size).toBe(ids.length);
  });
});

it("leaves out of OpenAPI 2 what it does not know", () => {
  const document = openApiV2([widgets, deployments]);
  const text = JSON.stringify(document.definitions);
  expect(references(document).filter((name) => !(name in (document.definitions ?? {})))).toEqual([]);
  expect(text).not.toMatch(/"(?:anyOf|oneOf|allOf|nullable)":/);
});
