import type { JsonSchema } from "../json-schema.ts";
import { defaultScaling } from "./scaling.schema.ts";
import {
  allowedRegistries,
  cpuQuantity,
  memoryQuantity,
  namespacedReference,
  objectName,
  orphanCollection,
} from "./schema-parts.ts";

function endpoint(what: string): JsonSchema {
  return {
    type: "string",
    maxLength: 512,
    pattern: "^(https://|http://(localhost|127\\.[0-9.]+|\\[::1\\])(:|/|$))[^\\s?#]*$",
    description: `${what} https, or http on this machine.`,
  };
}

function project(description: string): JsonSchema {
  return {
    type: "object",
    description,
    properties: {
      name: {
        type: "string",
        minLength: 1,
        maxLength: 128,
        description: "Its name, unique in region and resource group.",
      },
      id: { type: "string", minLength: 36, maxLength: 36, pattern: "^[-0-9a-f]+$", description: "Its ID." },
    },
    "x-kubernetes-validations": [
      { rule: "has(self.name) != has(self.id)", message: "exactly one of name and id must be set" },
    ],
  };
}

/** RuntimeBackend.spec.codeEngine. */
export const codeEngine: JsonSchema = {
  type: "object",
  description: "A project of IBM Cloud Code Engine.",
  required: ["region", "project", "apiKeySecretRef"],
  properties: {
    region: {
      type: "string",
      maxLength: 16,
      pattern: "^[a-z]{2}-[a-z]{2,10}$",
      description: "Region of the project: us-south, eu-de, …",
    },
    project: project("The project that workloads run in. It must exist."),
    resourceGroup: {
      type: "string",
      minLength: 32,
      maxLength: 32,
      pattern: "^[0-9a-f]+$",
      description: "ID of the project's resource group, where its name is used in several.",
    },
    apiKeySecretRef: {
      type: "object",
      description: "Secret with an API key of IBM Cloud, of a user or a service ID.",
      required: ["namespace", "name"],
      properties: {
        namespace: objectName("Namespace of the Secret."),
        name: objectName("Name of the Secret."),
        key: {
          type: "string",
          minLength: 1,
          maxLength: 253,
          pattern: "^[-._a-zA-Z0-9]+$",
          default: "apiKey",
          description: "Key in the Secret.",
        },
      },
    },
    registrySecretRef: namespacedReference(
      "Secret of type kubernetes.io/dockerconfigjson, for images of deployments that name no pullSecretRef.",
    ),
    allowedRegistries,
    privateNetwork: {
      type: "boolean",
      default: false,
      description:
        "Whether the controller is on IBM's private network: it then calls private endpoints, and reaches deployments of visibility private.",
    },
    logsInstanceId: {
      type: "string",
      minLength: 36,
      maxLength: 36,
      pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
      description:
        "GUID of an instance of IBM Cloud Logs that the project's logs are routed to. slipway logs then also shows what instances wrote that are no more. The API key's owner needs the role Reader there.",
    },
    monitoringInstanceId: {
      type: "string",
      minLength: 36,
      maxLength: 36,
      pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
      description:
        "GUID of the instance of IBM Cloud Monitoring that gets the platform metrics of the project's region. slipway status then also shows requests. The API key's owner needs the role Reader there.",
    },
    endpoints: {
      type: "object",
      description: "Addresses in place of IBM's.",
      properties: {
        api: endpoint("Code Engine's API, with /v2."),
        iam: endpoint("IAM, which issues tokens."),
        proxy: endpoint("Code Engine's Kubernetes proxy, where logs come from."),
        logs: endpoint("The IBM Cloud Logs instance that logsInstanceId names."),
        monitoring: endpoint(
          "IBM Cloud Monitoring in the project's region, without /prometheus/api/v1/query; with /api where its paths begin so.",
        ),
        registry: endpoint("A registry that is asked for digests in place of each image's own."),
      },
    },
    egress: {
      type: "string",
      enum: ["Unmanaged", "Managed"],
      default: "Unmanaged",
      description:
        "Who keeps the project's allowed outbound destinations, which hold for everything in it, builds too. Unmanaged: its owner. Managed: the project is dedicated to this RuntimeBackend, whose guardrailsBound says what may be reached; rules that others make are removed.",
    },
    defaultLimits: {
      type: "object",
      description: "Limits of a workload that asks for none. The largest size of Code Engine within them is taken.",
      default: {},
      properties: {
        cpu: { ...cpuQuantity("CPU limit."), default: "500m" },
        memory: { ...memoryQuantity("Memory limit."), default: "1G" },
      },
    },
    defaultScaling,
    builds: {
      type: "object",
      description: "How images are built of sources in git.",
      properties: {
        size: {
          type: "string",
          enum: ["small", "medium", "large", "xlarge", "xxlarge"],
          default: "medium",
          description:
            "What a build has: 0.5 vCPU and 2 GB of memory and of disk (small), 1 and 4 (medium), 2 and 8, 4 and 16, 12 and 48 (xxlarge).",
        },
        project: project(
          "Project that builds run in, which must exist. Default: the one of workloads. Builds fetch sources and packages, so that they fail where the project's outbound rules let little out.",
        ),
      },
    },
    orphanCollection: orphanCollection("apps, secrets and config maps"),
  },
};
