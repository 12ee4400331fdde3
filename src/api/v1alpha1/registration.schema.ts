import type { JsonSchema } from "../json-schema.ts";
import { objectName } from "./schema-parts.ts";

/** `spec.registerWith` of a RuntimeDeployment. */
export const registerWith: JsonSchema = {
  type: "array",
  description:
    "External gateways that the server is registered with once it is Ready, and removed from when the deployment goes.",
  maxItems: 8,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["name"],
  items: {
    type: "object",
    required: ["name"],
    properties: { name: objectName("Name of the McpGateway.") },
  },
};

/** `status.registrations` of a RuntimeDeployment. An entry stands before anything is made there, and goes after it. */
export const registrations: JsonSchema = {
  type: "array",
  description: "External gateways at which the server is registered, or may be.",
  maxItems: 16,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["gateway"],
  items: {
    type: "object",
    required: ["gateway"],
    properties: {
      gateway: { type: "string", maxLength: 253, description: "Name of the McpGateway." },
      id: { type: "string", maxLength: 64, description: "ID of the entry there." },
      name: { type: "string", maxLength: 255, description: "Name of the entry there." },
      url: { type: "string", maxLength: 2048, description: "The URL that is registered." },
      active: { type: "boolean", description: "Whether the entry serves there." },
      tools: { type: "integer", format: "int32", minimum: 0, description: "Tools that the gateway found." },
      digest: { type: "string", maxLength: 64, description: "Keyed digest of what was registered, token included." },
    },
  },
};
