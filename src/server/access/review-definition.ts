import type { JsonSchema } from "../../api/json-schema.ts";
import type { ResourceDefinition } from "../resource.ts";

/** A kind that is answered and never stored: `create` is its only verb. */
export function reviewDefinition(options: {
  readonly group: string;
  readonly kind: string;
  readonly namespaced?: boolean;
  readonly spec?: JsonSchema;
}): ResourceDefinition {
  const { group, kind, namespaced = false, spec } = options;
  const singular = kind.toLowerCase();
  return {
    group,
    version: "v1",
    plural: `${singular}s`,
    singular,
    kind,
    listKind: `${kind}List`,
    shortNames: [],
    categories: [],
    namespaced,
    verbs: ["create"],
    subresources: {},
    schema: {
      type: "object",
      properties: {
        ...(spec && { spec }),
        // Sent by clients that send the whole object; the answer replaces it.
        status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    columns: [],
    selectableFields: [],
    hasGeneration: false,
  };
}

export const text: JsonSchema = { type: "string" };
export const texts: JsonSchema = { type: "array", items: text };

export function object(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: "object", properties };
}
