import type { JsonSchema } from "../json-schema.ts";
import { codeEngine } from "./code-engine.schema.ts";
import { guardrailSupport } from "./guardrail-fields.ts";
import type { KindSchema } from "./kind-schema.ts";
import { processBackend } from "./process-backend.schema.ts";
import { remoteBackend } from "./remote-backend.schema.ts";
import {
  allowedRegistries,
  conditions,
  cpuQuantity,
  memoryQuantity,
  namespacedReference,
  objectName,
  observedGeneration,
  orphanCollection,
  pidsLimit,
} from "./schema-parts.ts";

/** RuntimeBackend.spec.docker. No default: other types would get it, too. The driver takes an absent one for an empty one. */
export const docker: JsonSchema = {
  type: "object",
  description: "A Docker Engine, spoken to through its API. Default: that of this machine.",
  properties: {
    host: {
      type: "string",
      maxLength: 512,
      default: "unix:///var/run/docker.sock",
      pattern: "^(unix:///|tcp://|https://).+$",
      description:
        "Address of the Engine: unix:///path or tcp://host:port. tcp needs tlsSecretRef, unless it is loopback.",
    },
    tlsSecretRef: namespacedReference(
      "Secret of type kubernetes.io/tls with ca.crt, tls.crt and tls.key for the Engine.",
    ),
    network: {
      type: "string",
      maxLength: 128,
      pattern: "^([a-zA-Z0-9][a-zA-Z0-9_.-]*)?$",
      description:
        "An existing network of the Engine to use. Default: one of Slipway's own, without traffic between containers.",
    },
    publish: {
      type: "object",
      description: "Where the ports of workloads are published.",
      default: {},
      properties: {
        bindAddress: {
          type: "string",
          maxLength: 45,
          default: "127.0.0.1",
          pattern: "^[0-9a-fA-F.:]+$",
          description: "Address of the Engine's machine that ports are bound to. Loopback unless asked otherwise.",
        },
        advertiseAddress: {
          type: "string",
          maxLength: 253,
          pattern: "^[-a-zA-Z0-9.:]*$",
          description: "Host name or address under which the controller reaches published ports. Default: bindAddress.",
        },
        allowedSources: {
          type: "array",
          maxItems: 64,
          "x-kubernetes-list-type": "set",
          items: {
            type: "string",
            maxLength: 49,
            pattern: "^[0-9a-fA-F.:]+(/[0-9]{1,3})?$",
            "x-kubernetes-validations": [
              { rule: "isIP(self) || isCIDR(self)", message: "must be an address or a CIDR, for example 10.1.0.0/16" },
            ],
          },
          description:
            "Addresses and CIDRs, beside the Engine's own port proxy, from which restricted workloads take connections. Where ports are bound beyond loopback, clients keep their addresses.",
        },
      },
    },
    registryMirror: {
      type: "string",
      maxLength: 512,
      pattern: "^(https?://[^\\s]+)?$",
      description: "Base URL of a pull-through mirror that is asked first for images of docker.io.",
    },
    allowedRegistries,
    allowedHostPaths: {
      type: "array",
      description: "Prefixes, by whole path segments, that hostPath volumes may name. Empty: none.",
      maxItems: 64,
      "x-kubernetes-list-type": "set",
      items: { type: "string", minLength: 2, maxLength: 1024, pattern: "^/[^:,]+$" },
    },
    sandbox: {
      type: "object",
      description: "The containers that hold the network of restricted workloads.",
      default: {},
      properties: {
        image: {
          type: "string",
          maxLength: 1024,
          pattern: "^\\S*$",
          description: "Image of the sandbox on the Engine. Default: slipway-sandbox of this version.",
        },
        addressHoldSeconds: {
          type: "integer",
          format: "int32",
          minimum: 5,
          maximum: 300,
          default: 60,
          description:
            "An allowed name's address closes between once and twice this long after the last answer that named it.",
        },
        dns: {
          type: "array",
          maxItems: 3,
          "x-kubernetes-list-type": "atomic",
          items: { type: "string", maxLength: 45, pattern: "^[0-9a-fA-F.:]+$" },
          description: "Resolvers that are asked for allowed names. Default: those that the Engine gives containers.",
        },
      },
    },
    appArmorProfiles: {
      type: "array",
      maxItems: 64,
      "x-kubernetes-list-type": "set",
      items: { type: "string", minLength: 1, maxLength: 253, pattern: "^[-._a-zA-Z0-9/]+$" },
      description:
        "AppArmor profiles that are loaded on the Engine's machine, where that cannot be seen from the controller.",
    },
    defaultLimits: {
      type: "object",
      description: "Limits of a container that asks for none.",
      default: {},
      properties: {
        cpu: { ...cpuQuantity("CPU limit."), default: "500m" },
        memory: { ...memoryQuantity("Memory limit."), default: "512Mi" },
        pids: { ...pidsLimit, default: 100 },
      },
    },
    orphanCollection: orphanCollection("containers, volumes and networks"),
  },
};

const spec: JsonSchema = {
  type: "object",
  description: "The place and its rules.",
  required: ["type"],
  properties: {
    type: {
      type: "string",
      enum: ["docker", "code-engine", "process", "remote"],
      description: "What kind of place it is.",
    },
    default: {
      type: "boolean",
      default: false,
      description: "Whether deployments that name no backend run here. At most one backend may say so.",
    },
    guardrailsBound: objectName("The widest GuardrailProfile that deployments may have here. Default: any."),
    allowedNamespaces: {
      type: "array",
      description: "Namespaces whose deployments may run here. Empty: all.",
      maxItems: 256,
      "x-kubernetes-list-type": "set",
      items: objectName("Name of a namespace."),
    },
    docker,
    codeEngine,
    process: processBackend,
    remote: remoteBackend,
  },
  "x-kubernetes-validations": [
    {
      rule: "(self.type == 'code-engine') == has(self.codeEngine)",
      message: "codeEngine belongs to type code-engine, and must be set there",
    },
    {
      rule: "!has(self.codeEngine) || !has(self.codeEngine.egress) || self.codeEngine.egress != 'Managed' || has(self.guardrailsBound)",
      message:
        "codeEngine.egress Managed needs guardrailsBound, the GuardrailProfile that says what the project may reach; set it, or leave egress Unmanaged",
    },
    { rule: "self.type == 'docker' || !has(self.docker)", message: "docker belongs to type docker; remove it" },
    { rule: "self.type == 'process' || !has(self.process)", message: "process belongs to type process; remove it" },
    { rule: "self.type == 'remote' || !has(self.remote)", message: "remote belongs to type remote; remove it" },
    { rule: "self.type == oldSelf.type", message: "type cannot be changed; make another RuntimeBackend" },
  ],
};

function maximum(what: string): JsonSchema {
  return { type: "integer", format: "int64", minimum: 0, description: `${what} 0: no maximum.` };
}

const status: JsonSchema = {
  type: "object",
  description: "The place as it is. Written by the controller.",
  properties: {
    observedGeneration,
    version: {
      type: "string",
      maxLength: 256,
      description: "Version of the place, for example of its Engine, and of its API that is spoken.",
    },
    capabilities: {
      type: "object",
      description: "What this place can do.",
      properties: {
        isolation: { type: "string", maxLength: 64, description: "What separates workloads: container." },
        sources: {
          type: "array",
          maxItems: 16,
          "x-kubernetes-list-type": "atomic",
          items: { type: "string", maxLength: 64 },
          description: "Members of spec.source that can run here.",
        },
        cpuLimits: { type: "boolean", description: "Whether CPU limits take effect." },
        memoryLimits: { type: "boolean", description: "Whether memory limits take effect." },
        pidsLimits: { type: "boolean", description: "Whether limits of processes take effect." },
        seccomp: { type: "boolean", description: "Whether seccomp filters system calls." },
        appArmor: { type: "boolean", description: "Whether AppArmor confines containers." },
        cgroupVersion: { type: "string", maxLength: 16, description: "Version of the control groups: 1 or 2." },
        rootless: { type: "boolean", description: "Whether the Engine runs without root." },
        observability: {
          type: "string",
          maxLength: 64,
          description: "Where logs come from: native, from the place itself.",
        },
        readOnlyFilesystem: { type: "boolean", description: "Whether an image's files can be made read-only." },
        customCapabilities: {
          type: "boolean",
          description: "Whether Linux capabilities can be dropped and added one by one.",
        },
        egressHostFiltering: {
          type: "boolean",
          description: "Whether a workload can be kept to hosts that are listed by name.",
        },
        maxCpuMillis: maximum("Most CPU that one workload can have, in thousandths of a core."),
        maxMemoryBytes: maximum("Most memory that one workload can have, in bytes."),
        maxTimeoutSeconds: maximum("Longest that one request may take, in seconds."),
        scaling: { type: "boolean", description: "Whether spec.scaling of deployments takes effect." },
        platformProbes: {
          type: "boolean",
          description:
            "Whether the platform itself probes instances, so that spec.health.liveness of deployments takes effect.",
        },
        visibilities: {
          type: "array",
          maxItems: 8,
          "x-kubernetes-list-type": "atomic",
          items: { type: "string", maxLength: 64 },
          description: "What spec.exposure.visibility of deployments may be. Empty: it has no effect.",
        },
        guardrails: guardrailSupport,
        appArmorProfiles: {
          type: "array",
          maxItems: 1024,
          "x-kubernetes-list-type": "atomic",
          items: { type: "string", maxLength: 253 },
          description: "AppArmor profiles that a GuardrailProfile may name here.",
        },
        openRanges: {
          type: "array",
          maxItems: 1024,
          "x-kubernetes-list-type": "atomic",
          items: { type: "string", maxLength: 43 },
          description: "CIDRs that every workload can reach here, whatever its GuardrailProfile says.",
        },
      },
    },
    deployments: {
      type: "integer",
      format: "int32",
      minimum: 0,
      description: "How many RuntimeDeployments run here.",
    },
    conditions,
  },
};

export const runtimeBackendSchema: KindSchema = {
  names: {
    kind: "RuntimeBackend",
    listKind: "RuntimeBackendList",
    plural: "runtimebackends",
    singular: "runtimebackend",
    shortNames: ["rtb"],
    categories: ["slipway"],
  },
  scope: "Cluster",
  description: "A place where workloads run, what it can do, and whether it answers.",
  spec,
  status,
  required: ["spec"],
  columns: [
    { name: "Type", type: "string", jsonPath: ".spec.type", description: "What kind of place it is." },
    {
      name: "Available",
      type: "string",
      jsonPath: ".status.conditions[?(@.type=='Available')].status",
      description: "Whether it answers.",
    },
    { name: "Default", type: "boolean", jsonPath: ".spec.default", description: "Whether it is the default." },
    { name: "Deployments", type: "integer", jsonPath: ".status.deployments", description: "What runs here." },
    { name: "Version", type: "string", jsonPath: ".status.version", description: "Version of the Engine." },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created." },
    {
      name: "Message",
      type: "string",
      jsonPath: ".status.conditions[?(@.type=='Available')].message",
      priority: 1,
      description: "Why it is available or not.",
    },
  ],
  selectableFields: [{ jsonPath: ".spec.type" }],
};
