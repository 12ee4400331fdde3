import type { JsonSchema } from "../json-schema.ts";
import { fieldEnforcements, guardrailFields } from "./guardrail-fields.ts";
import type { KindSchema } from "./kind-schema.ts";
import { observedGeneration } from "./schema-parts.ts";

const spec: JsonSchema = {
  type: "object",
  description: "What workloads under this profile may do. What is left out gets the stricter value.",
  properties: {
    ...guardrailFields({ defaults: true }),
    recommendedBackends: {
      type: "array",
      maxItems: 16,
      "x-kubernetes-list-type": "set",
      items: { type: "string", minLength: 1, maxLength: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" },
      description: "Types of RuntimeBackend that the profile was written for. Others warn. Empty: all.",
    },
  },
};

const status: JsonSchema = {
  type: "object",
  description: "Where the profile holds. Written by the controller.",
  properties: {
    observedGeneration,
    deployments: {
      type: "integer",
      format: "int32",
      minimum: 0,
      description: "How many RuntimeDeployments run under it.",
    },
    backends: {
      type: "array",
      description: "Backend by backend, how far the profile is enforced.",
      maxItems: 256,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: {
        type: "object",
        required: ["name", "compatible"],
        properties: {
          name: { type: "string", maxLength: 253, description: "The RuntimeBackend." },
          compatible: { type: "boolean", description: "Whether no field is NotEnforced there." },
          fields: fieldEnforcements,
        },
      },
    },
  },
};

export const guardrailProfileSchema: KindSchema = {
  names: {
    kind: "GuardrailProfile",
    listKind: "GuardrailProfileList",
    plural: "guardrailprofiles",
    singular: "guardrailprofile",
    shortNames: ["grp"],
    categories: ["slipway"],
  },
  scope: "Cluster",
  description: "What a workload may do: network, file system, privileges, resources.",
  spec,
  status,
  required: ["spec"],
  columns: [
    { name: "Enforcement", type: "string", jsonPath: ".spec.enforcement", description: "Warn or Strict." },
    {
      name: "Egress",
      type: "boolean",
      jsonPath: ".spec.network.egressAllowed",
      description: "Whether anything outside may be reached.",
    },
    {
      name: "Read-only",
      type: "boolean",
      jsonPath: ".spec.filesystem.readOnlyRoot",
      description: "Whether the image's files are read-only.",
    },
    { name: "Deployments", type: "integer", jsonPath: ".status.deployments", description: "How many run under it." },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created." },
    {
      name: "Hosts",
      type: "string",
      jsonPath: ".spec.network.allowedHosts",
      priority: 1,
      description: "What may be reached.",
    },
  ],
  selectableFields: [],
};
