import type { JsonSchema } from "../json-schema.ts";
import { buildStatus } from "./build-status.schema.ts";
import { fieldEnforcements, guardrailFields, guardrailWarnings } from "./guardrail-fields.ts";
import { health } from "./health.schema.ts";
import type { KindSchema } from "./kind-schema.ts";
import { registerWith, registrations } from "./registration.schema.ts";
import { scaling } from "./scaling.schema.ts";
import {
  conditions,
  cpuQuantity,
  keyReference,
  memoryQuantity,
  objectName,
  observedGeneration,
  pidsLimit,
  reference,
} from "./schema-parts.ts";
import { source } from "./source.schema.ts";
import { volumes } from "./volumes.schema.ts";

const transport: JsonSchema = {
  type: "object",
  description: "How clients speak MCP to the server.",
  properties: {
    type: {
      type: "string",
      enum: ["streamable-http", "sse", "stdio"],
      description:
        "Wire of the server. Clients reach it over streamable HTTP whatever it is. Default: streamable-http; for package stdio.",
    },
    port: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 65535,
      description:
        "Port that the server listens on, inside its container where it has one. Default: 8080. Without meaning for stdio.",
    },
    path: {
      type: "string",
      minLength: 1,
      maxLength: 1024,
      pattern: "^/[^\\s?#]*$",
      description: "Path of the MCP endpoint. Default: /mcp, for sse /sse. Without meaning for stdio and remote.",
    },
    sessionMode: {
      type: "string",
      enum: ["Shared", "PerSession"],
      description:
        "Of stdio: Shared has one process for all clients, but for those of earlier revisions that offer sampling, elicitation or roots; PerSession has one for each client with a session. Default: Shared.",
    },
    forwardAuthorization: {
      type: "boolean",
      description:
        "Whether the Authorization header of callers goes on to the server. Default: false; it is the gateway's.",
    },
  },
};

const env: JsonSchema = {
  type: "array",
  description: "Environment variables. A later entry wins over envFrom.",
  maxItems: 256,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["name"],
  items: {
    type: "object",
    required: ["name"],
    properties: {
      name: {
        type: "string",
        minLength: 1,
        maxLength: 253,
        pattern: "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
        description: "Name of the variable.",
      },
      value: {
        type: "string",
        maxLength: 131072,
        description:
          "Its value, taken literally. On code-engine references to the project, which begin with a dollar and {CE_, are replaced.",
      },
      valueFrom: {
        type: "object",
        description: "Where its value comes from.",
        properties: { secretKeyRef: keyReference("Secret"), configMapKeyRef: keyReference("ConfigMap") },
        "x-kubernetes-validations": [
          {
            rule: "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            message: "exactly one of secretKeyRef and configMapKeyRef must be set",
          },
        ],
      },
    },
    "x-kubernetes-validations": [
      { rule: "!(has(self.value) && has(self.valueFrom))", message: "value and valueFrom exclude each other" },
    ],
  },
};

const envFrom: JsonSchema = {
  type: "array",
  description: "Secrets and ConfigMaps whose keys all become variables; a later one wins.",
  maxItems: 32,
  "x-kubernetes-list-type": "atomic",
  items: {
    type: "object",
    properties: {
      prefix: {
        type: "string",
        maxLength: 253,
        pattern: "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
        description: "Put before each key.",
      },
      secretRef: reference("A Secret in the same namespace."),
      configMapRef: reference("A ConfigMap in the same namespace."),
    },
    "x-kubernetes-validations": [
      {
        rule: "has(self.secretRef) != has(self.configMapRef)",
        message: "exactly one of secretRef and configMapRef must be set",
      },
    ],
  },
};

const exposure: JsonSchema = {
  type: "object",
  description: "Who reaches the server.",
  properties: {
    visibility: {
      type: "string",
      enum: ["public", "private", "project"],
      description:
        "public: the internet; private: the provider's private network; project: what runs in the same project. Takes effect on code-engine, where project is the default; elsewhere the RuntimeBackend says where it publishes, and the condition Accepted says so.",
    },
  },
};

const spec: JsonSchema = {
  type: "object",
  description: "The server as it should be.",
  required: ["source"],
  properties: {
    source,
    command: {
      type: "array",
      description: "Replaces the image's ENTRYPOINT. No shell is involved.",
      maxItems: 256,
      "x-kubernetes-list-type": "atomic",
      items: { type: "string", maxLength: 32768 },
    },
    args: {
      type: "array",
      description: "Replaces the image's CMD. No shell is involved.",
      maxItems: 256,
      "x-kubernetes-list-type": "atomic",
      items: { type: "string", maxLength: 32768 },
    },
    backend: objectName("The RuntimeBackend to run on. Default: the one that is marked as default."),
    transport,
    guardrails: {
      type: "object",
      description: "What the server may do.",
      properties: {
        profile: objectName("The GuardrailProfile that it runs under. Default: standard."),
        overrides: {
          type: "object",
          description:
            "Fields of the profile that are different here. What is not named stays as the profile has it; a list replaces the profile's whole list.",
          properties: guardrailFields({ defaults: false }),
        },
      },
    },
    resources: {
      type: "object",
      description:
        "Limits of the container. What is not set takes the smaller of the backend's default and the profile's maximum.",
      properties: {
        cpu: cpuQuantity("CPU limit, as a Kubernetes quantity: 500m is half a core."),
        memory: memoryQuantity("Memory limit, as a Kubernetes quantity such as 256Mi."),
        pids: pidsLimit,
      },
    },
    env,
    envFrom,
    volumes,
    scaling,
    exposure,
    dependencies: {
      type: "array",
      description:
        "RuntimeDeployments of this namespace that it needs. Informational: nothing waits for them; the condition Accepted names those that do not exist or are not Ready.",
      maxItems: 32,
      "x-kubernetes-list-type": "set",
      items: { ...objectName("Name of a RuntimeDeployment."), maxLength: 63 },
    },
    desiredState: {
      type: "string",
      enum: ["Running", "Stopped"],
      default: "Running",
      description: "Stopped keeps volumes and the port, and runs nothing.",
    },
    restartPolicy: {
      type: "string",
      enum: ["Always", "OnFailure", "Never"],
      default: "Always",
      description: "What happens when the server's process ends.",
    },
    health,
    registerWith,
  },
  "x-kubernetes-validations": [
    {
      rule: "!has(self.volumes) || self.volumes.all(a, self.volumes.exists_one(b, b.mountPath == a.mountPath))",
      message: "each mountPath may be used once",
      fieldPath: ".volumes",
    },
  ],
};

const status: JsonSchema = {
  type: "object",
  description: "The server as it is. Written by the controller.",
  properties: {
    observedGeneration,
    phase: {
      type: "string",
      enum: [
        ...["Pending", "PendingApproval", "Building", "Deploying"],
        ...["Running", "Connected", "Stopped", "Error", "Deleting"],
      ],
      description: "A summary of the conditions. Connected: MCP answered at the last probe.",
    },
    conditions,
    url: {
      type: "string",
      maxLength: 2048,
      description:
        "Where a client connects: at the gateway; at the server itself where the controller cannot reach its endpoint. Empty unless the server serves.",
    },
    approvalRef: reference(
      "The Approval, in the same namespace, that this generation waits for or was let through by.",
    ),
    workload: {
      type: "object",
      description: "What runs outside for this deployment.",
      properties: {
        backend: { type: "string", maxLength: 253, description: "The RuntimeBackend that it runs on." },
        id: { type: "string", maxLength: 253, description: "Its name there: a container's ID." },
        image: {
          type: "string",
          maxLength: 1280,
          description:
            "The image that runs, by digest; an image ID where no registry digest exists. Of a package name, version, integrity, and the digest of what it depends on.",
        },
        generation: {
          type: "integer",
          format: "int64",
          minimum: 0,
          description: "The generation of the spec that runs.",
        },
        digest: {
          type: "string",
          maxLength: 128,
          description: "Digest of what runs, as Approvals have it. Absent where no ApprovalPolicy concerns it.",
        },
        transport: {
          type: "string",
          enum: ["streamable-http", "sse", "stdio"],
          description: "How MCP is spoken to it.",
        },
        endpoint: {
          type: "string",
          maxLength: 2048,
          description:
            "Where the server itself listens, as the gateway reaches it. Absent for stdio and remote servers.",
        },
        startedAt: { type: "string", format: "date-time", description: "When its process started." },
        restartCount: {
          type: "integer",
          format: "int64",
          minimum: 0,
          description: "Starts that nobody asked for.",
        },
        hostPort: {
          type: "integer",
          format: "int32",
          minimum: 1,
          maximum: 65535,
          description: "The published port. Chosen once and kept.",
        },
      },
    },
    build: buildStatus,
    registrations,
    guardrails: {
      type: "object",
      description: "What the server may do, and how far the backend sees to it.",
      properties: {
        profile: { type: "string", maxLength: 253, description: "The GuardrailProfile." },
        bounds: {
          type: "array",
          maxItems: 2,
          "x-kubernetes-list-type": "atomic",
          description: "The widest profiles that it may have, by its namespace and its backend.",
          items: { type: "string", maxLength: 512 },
        },
        limits: {
          type: "object",
          description: "The limits in force: what was asked for, else the smaller of default and maximum.",
          properties: {
            cpu: { type: "string", maxLength: 32, description: "CPU, as a Kubernetes quantity." },
            memory: { type: "string", maxLength: 32, description: "Memory, as a Kubernetes quantity." },
            pids: { type: "integer", format: "int64", minimum: 0, description: "Processes and threads." },
          },
        },
        fields: fieldEnforcements,
        warnings: guardrailWarnings,
      },
    },
    mcp: {
      type: "object",
      description: "What the server said of itself when it was asked.",
      properties: {
        protocolVersion: { type: "string", maxLength: 64, description: "Revision of MCP that was agreed on." },
        serverInfo: {
          type: "object",
          description: "Name and version that the server gives itself.",
          properties: {
            name: { type: "string", maxLength: 256, description: "Name of the server's program." },
            version: { type: "string", maxLength: 256, description: "Version of the server's program." },
          },
        },
        tools: { type: "integer", format: "int32", minimum: 0, description: "How many tools the server lists." },
        toolNames: {
          type: "array",
          maxItems: 64,
          "x-kubernetes-list-type": "atomic",
          items: { type: "string", maxLength: 256 },
          description: "Names of its tools, the first 64.",
        },
        since: { type: "string", format: "date-time", description: "When any of this last changed." },
      },
    },
  },
};

export const runtimeDeploymentSchema: KindSchema = {
  names: {
    kind: "RuntimeDeployment",
    listKind: "RuntimeDeploymentList",
    plural: "runtimedeployments",
    singular: "runtimedeployment",
    shortNames: ["rtd"],
    categories: ["slipway"],
  },
  scope: "Namespaced",
  description: "An MCP server to run: where it comes from, where it runs, and the truth about it.",
  spec,
  status,
  required: ["spec"],
  rules: [
    {
      rule: "self.metadata.name.size() <= 63",
      message: "metadata.name: must be no more than 63 characters, because it becomes part of names and URLs",
    },
  ],
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase", description: "Summary of the conditions." },
    {
      name: "Ready",
      type: "string",
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: "Whether the server serves.",
    },
    { name: "Backend", type: "string", jsonPath: ".status.workload.backend", description: "Where it runs." },
    { name: "URL", type: "string", jsonPath: ".status.url", description: "Where a client connects." },
    {
      name: "Restarts",
      type: "integer",
      jsonPath: ".status.workload.restartCount",
      description: "Starts that nobody asked for.",
    },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created." },
    {
      name: "Image",
      type: "string",
      jsonPath: ".status.workload.image",
      priority: 1,
      description: "The image that runs.",
    },
    { name: "Tools", type: "integer", jsonPath: ".status.mcp.tools", priority: 1, description: "Tools it lists." },
    {
      name: "Profile",
      type: "string",
      jsonPath: ".status.guardrails.profile",
      priority: 1,
      description: "The GuardrailProfile that it runs under.",
    },
    {
      name: "Message",
      type: "string",
      jsonPath: ".status.conditions[?(@.type=='Ready')].message",
      priority: 1,
      description: "Why it is ready or not.",
    },
  ],
  selectableFields: [{ jsonPath: ".spec.backend" }, { jsonPath: ".status.phase" }],
};
