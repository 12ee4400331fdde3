import type { ResourceDefinition } from "../resource.ts";

/** `autoscaling/v1` Scale, which is served as a subresource only. */
export const scaleDefinition: ResourceDefinition = {
  group: "autoscaling",
  version: "v1",
  plural: "scales",
  singular: "scale",
  kind: "Scale",
  listKind: "ScaleList",
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: [],
  subresources: {},
  schema: undefined,
  columns: [],
  selectableFields: [],
  hasGeneration: false,
};
