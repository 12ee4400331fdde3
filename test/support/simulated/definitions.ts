import type { CustomResourceDefinition } from "../../../src/api/custom-resource-definition.ts";
import type { JsonSchema } from "../../../src/api/json-schema.ts";
import { slipwayDefinitions } from "../api-server.ts";

/** Slipway's definitions, with `simulated` among the types of RuntimeBackends: users' definitions do not know it. */
export async function simulatedDefinitions(): Promise<CustomResourceDefinition[]> {
  const definitions = await slipwayDefinitions();
  for (const { spec } of definitions.filter(({ spec }) => spec.names.kind === "RuntimeBackend")) {
    for (const { schema } of spec.versions) typesOf(schema?.openAPIV3Schema).push("simulated");
  }
  return definitions;
}

function typesOf(schema: JsonSchema | undefined): unknown[] {
  const types = schema?.properties?.spec?.properties?.type?.enum;
  if (!Array.isArray(types)) throw new Error("the definition of RuntimeBackends has no list of types");
  return types;
}
