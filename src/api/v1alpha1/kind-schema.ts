import type { CustomResourceDefinition, PrinterColumn } from "../custom-resource-definition.ts";
import type { JsonSchema, ValidationRule } from "../json-schema.ts";
import { GROUP, VERSION } from "./schema-parts.ts";

/** All that is known of one kind. Its CustomResourceDefinition and its TypeScript types are made from this. */
export interface KindSchema {
  names: Required<CustomResourceDefinition["spec"]["names"]>;
  scope: "Namespaced" | "Cluster";
  description: string;
  spec: JsonSchema;
  status: JsonSchema;
  required: string[];
  /** CEL rules on the whole object. */
  rules?: ValidationRule[];
  columns: PrinterColumn[];
  selectableFields: { jsonPath: string }[];
}

/** The schema of the whole object. */
export function objectSchema(kind: KindSchema): JsonSchema {
  return {
    type: "object",
    description: kind.description,
    required: kind.required,
    properties: {
      apiVersion: { type: "string", description: "Version of the API: slipway.dev/v1alpha1." },
      kind: { type: "string", description: `The kind: ${kind.names.kind}.` },
      metadata: { type: "object" },
      spec: kind.spec,
      status: kind.status,
    },
    ...(kind.rules && { "x-kubernetes-validations": kind.rules }),
  };
}

/** The object that `crds/` holds and the embedded API server installs, without the metadata that a server adds. */
export function customResourceDefinition(kind: KindSchema): Omit<CustomResourceDefinition, "metadata" | "status"> & {
  metadata: { name: string; labels: Record<string, string> };
} {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${kind.names.plural}.${GROUP}`,
      labels: { "app.kubernetes.io/name": "slipway", "app.kubernetes.io/part-of": "slipway" },
    },
    spec: {
      group: GROUP,
      names: kind.names,
      scope: kind.scope,
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: objectSchema(kind) },
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns,
          ...(kind.selectableFields.length > 0 && { selectableFields: kind.selectableFields }),
        },
      ],
    },
  };
}
