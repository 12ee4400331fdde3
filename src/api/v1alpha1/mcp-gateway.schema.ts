import type { JsonSchema } from "../json-schema.ts";
import type { KindSchema } from "./kind-schema.ts";
import { conditions, namespacedKeyReference, objectName, observedGeneration } from "./schema-parts.ts";

const httpUrl: JsonSchema = { type: "string", minLength: 8, maxLength: 2048, pattern: "^https?://[^\\s?#@]+$" };

const spec: JsonSchema = {
  type: "object",
  description: "Where the gateway is, and how servers are registered with it.",
  required: ["type", "url", "tokenSecretRef"],
  properties: {
    type: { type: "string", enum: ["contextforge"], description: "What kind of gateway it is." },
    url: {
      ...httpUrl,
      description:
        "Where its API begins: below it are /v1/gateways, or /gateways of older releases. No credentials, no query.",
    },
    tokenSecretRef: namespacedKeyReference(
      "Secret",
      "The bearer token of its API. It needs gateways.create, gateways.read, gateways.update and gateways.delete.",
    ),
    caSecretRef: namespacedKeyReference(
      "Secret",
      "PEM of the authorities that its certificate is verified with, in the place of the usual ones.",
    ),
    allowedNamespaces: {
      type: "array",
      maxItems: 256,
      "x-kubernetes-list-type": "set",
      items: objectName("Name of a namespace."),
      description: "Namespaces whose deployments may be registered. Empty: all.",
    },
    serverBaseUrl: {
      ...httpUrl,
      description:
        "What the gateway calls Slipway's: scheme, host, port and beginning of the path of the URLs that are registered, in the place of those of status.url. Default: status.url as it is.",
    },
    serverTokenSecretRef: namespacedKeyReference(
      "Secret",
      "The bearer token with which the gateway calls the servers. Default: none.",
    ),
    visibility: {
      type: "string",
      enum: ["public", "team", "private"],
      default: "public",
      description: "Who sees the registered servers there.",
    },
    teamId: {
      type: "string",
      minLength: 1,
      maxLength: 64,
      pattern: "^[A-Za-z0-9_-]+$",
      description: "The team there that they belong to. Required with visibility team.",
    },
    tags: {
      type: "array",
      maxItems: 16,
      "x-kubernetes-list-type": "set",
      items: { type: "string", minLength: 2, maxLength: 50, pattern: "^[a-z0-9][a-z0-9.:-]*[a-z0-9]$" },
      description: "Tags of the registered servers, beside those that Slipway finds its own by.",
    },
    refreshIntervalSeconds: {
      type: "integer",
      format: "int32",
      minimum: 60,
      maximum: 86400,
      description: "How often the gateway asks a server for its tools again. Default: the gateway's.",
    },
  },
  "x-kubernetes-validations": [
    {
      rule: "self.visibility != 'team' || has(self.teamId)",
      message: "visibility team needs a teamId",
      fieldPath: ".teamId",
    },
    {
      rule: "!has(self.tags) || self.tags.all(t, !t.startsWith('slipway:'))",
      message: "tags that begin with slipway: are Slipway's own",
      fieldPath: ".tags",
    },
  ],
};

const status: JsonSchema = {
  type: "object",
  description: "The gateway as it is. Written by the controller.",
  properties: {
    observedGeneration,
    conditions,
    registered: {
      type: "integer",
      format: "int32",
      minimum: 0,
      description: "RuntimeDeployments that are registered there.",
    },
    version: { type: "string", maxLength: 64, description: "What it says of its version, where it does." },
  },
};

export const mcpGatewaySchema: KindSchema = {
  names: {
    kind: "McpGateway",
    listKind: "McpGatewayList",
    plural: "mcpgateways",
    singular: "mcpgateway",
    shortNames: ["mgw"],
    categories: ["slipway"],
  },
  scope: "Cluster",
  description: "An external MCP gateway that servers are registered with.",
  spec,
  status,
  required: ["spec"],
  columns: [
    { name: "Type", type: "string", jsonPath: ".spec.type", description: "What kind of gateway it is." },
    {
      name: "Available",
      type: "string",
      jsonPath: ".status.conditions[?(@.type=='Available')].status",
      description: "Whether its API answers.",
    },
    {
      name: "Registered",
      type: "integer",
      jsonPath: ".status.registered",
      description: "RuntimeDeployments that are registered there.",
    },
    { name: "URL", type: "string", jsonPath: ".spec.url", description: "Where its API begins." },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created." },
    { name: "Version", type: "string", jsonPath: ".status.version", priority: 1, description: "Its version." },
    {
      name: "Message",
      type: "string",
      jsonPath: ".status.conditions[?(@.type=='Available')].message",
      priority: 1,
      description: "Why it is available or not.",
    },
  ],
  selectableFields: [],
};
