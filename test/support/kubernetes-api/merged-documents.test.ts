import { expect, it } from "@jest/globals";
import { mergedDiscoveries, mergedGroups, mergedOpenApiV2, mergedOpenApiV3 } from "./merged-documents.ts";

const custom = {
  items: [
    { metadata: { name: "apiextensions.k8s.io" }, versions: [{ version: "v1" }] },
    { metadata: { name: "slipway.dev" }, versions: [{ version: "v1" }, { version: "v1alpha1" }] },
  ],
};

it("has each group once, as its own server tells of it", () => {
  const core = {
    kind: "APIGroupDiscoveryList",
    items: [
      { metadata: {}, versions: [] },
      { ...custom.items[0], versions: [] },
    ],
  };
  expect(mergedDiscoveries(core as typeof core & typeof custom, custom)).toEqual({
    kind: "APIGroupDiscoveryList",
    items: [core.items[0], ...custom.items],
  });
});

it("tells the same to those who ask for the older list", () => {
  const { groups } = mergedGroups({ groups: [{ name: "apps" }, { name: "apiextensions.k8s.io" }] }, custom);
  expect(groups.map(({ name }) => name)).toEqual(["apps", "apiextensions.k8s.io", "slipway.dev"]);
  expect(groups.at(-1)).toMatchObject({
    versions: [{ groupVersion: "slipway.dev/v1" }, { groupVersion: "slipway.dev/v1alpha1" }],
    preferredVersion: { groupVersion: "slipway.dev/v1", version: "v1" },
  });
});

it("has the documents of both", () => {
  const v2 = mergedOpenApiV2({ paths: { a: 1 }, definitions: { A: 1 } }, { paths: { b: 2 }, definitions: { B: 2 } });
  expect(v2).toEqual({ paths: { a: 1, b: 2 }, definitions: { A: 1, B: 2 } });
  expect(mergedOpenApiV3({ paths: { a: 1 } }, { paths: { b: 2 } })).toEqual({ paths: { a: 1, b: 2 } });
});
