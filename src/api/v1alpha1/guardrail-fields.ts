import type { JsonSchema } from "../json-schema.ts";
import { cpuQuantity, memoryQuantity, objectName, pidsLimit } from "./schema-parts.ts";

/** Linux's capabilities, without `CAP_`: capabilities(7) as of Linux 5.9. */
const LINUX_CAPABILITIES =
  "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM".split(
    " ",
  );

/**
 * Whole, although the field below it has a default: kube-apiserver holds a default against the rules as it stands, and one that
 * leaves out what a rule reads makes it refuse the definition.
 */
const RUNTIME_DEFAULT = { type: "RuntimeDefault" };

/**
 * What a profile says of a workload. A profile that leaves a field out gets the stricter value (`defaults`); overrides have
 * no defaults, since they change only what they name.
 */
export function guardrailFields({ defaults }: { defaults: boolean }): Record<string, JsonSchema> {
  const by = (value: JsonSchema["default"]): JsonSchema => (defaults ? { default: value } : {});
  return {
    enforcement: {
      type: "string",
      enum: ["Warn", "Strict"],
      ...by("Warn"),
      description: "Warn runs where a field cannot be enforced and says so; Strict refuses.",
    },
    network: {
      type: "object",
      description: "What it may reach and what may reach it.",
      ...by({}),
      properties: {
        egressAllowed: {
          type: "boolean",
          ...by(false),
          description:
            "False closes everything, whatever allowedHosts says. True without allowedHosts opens everything.",
        },
        allowedHosts: {
          type: "array",
          maxItems: 256,
          "x-kubernetes-list-type": "set",
          items: { type: "string", minLength: 1, maxLength: 280, pattern: "^[-A-Za-z0-9_.*:/\\[\\]]+$" },
          description:
            "All that may be reached: exact host names, *.domain for the names below a domain and not the domain itself, addresses and CIDRs, each for all ports or with :port; * for everything. An empty list is nothing. A name whose address is private needs that address in the list, too.",
        },
        ingressPorts: {
          type: "array",
          maxItems: 64,
          "x-kubernetes-list-type": "set",
          items: { type: "integer", format: "int32", minimum: 1, maximum: 65535 },
          description:
            "TCP ports that may be reached beside the transport's. Unset: the transport's only. An empty list is none, not even that.",
        },
      },
    },
    filesystem: {
      type: "object",
      description: "What it may write and mount.",
      ...by({}),
      properties: {
        readOnlyRoot: {
          type: "boolean",
          ...by(true),
          description:
            "Whether the image's files are read-only. Paths of allowedMounts that nothing is mounted at are then memory.",
        },
        allowedMounts: {
          type: "array",
          maxItems: 64,
          "x-kubernetes-list-type": "set",
          items: { type: "string", minLength: 1, maxLength: 1024, pattern: "^/[^:,]*$" },
          description:
            "Paths in the container at or below which volumes may be mounted. Unset: anywhere. An empty list is nowhere.",
        },
      },
    },
    capabilities: {
      type: "object",
      description: "Linux capabilities.",
      ...by({}),
      properties: {
        dropAll: {
          type: "boolean",
          ...by(true),
          description: "Whether the container's default capabilities are taken away.",
        },
        add: {
          type: "array",
          maxItems: 41,
          "x-kubernetes-list-type": "set",
          items: { type: "string", enum: LINUX_CAPABILITIES },
          description: "Capabilities to have all the same, without CAP_.",
        },
      },
    },
    resources: {
      type: "object",
      description: "The most that a deployment may ask for.",
      ...by({}),
      properties: {
        maxCpu: cpuQuantity("Most CPU, as a Kubernetes quantity: 500m is half a core."),
        maxMemory: memoryQuantity("Most memory, as a Kubernetes quantity such as 256Mi."),
        maxPids: pidsLimit,
      },
    },
    seccomp: {
      type: "object",
      description: "Which system calls it may make.",
      ...by(RUNTIME_DEFAULT),
      ...(!defaults && { required: ["type"] }),
      properties: {
        type: {
          type: "string",
          enum: ["RuntimeDefault", "Unconfined", "ConfigMap"],
          ...by("RuntimeDefault"),
          description: "RuntimeDefault: the backend's filter; Unconfined: none; ConfigMap: a profile of your own.",
        },
        namespace: objectName("Namespace of the ConfigMap that holds the profile."),
        name: objectName("Name of the ConfigMap."),
        key: {
          type: "string",
          minLength: 1,
          maxLength: 253,
          pattern: "^[-._a-zA-Z0-9]+$",
          description: "Key of the profile, JSON in the Engine's format.",
        },
      },
      "x-kubernetes-validations": [
        {
          rule: "(self.type == 'ConfigMap') == (has(self.__namespace__) && has(self.name) && has(self.key))",
          message: "namespace, name and key belong to type ConfigMap, which needs all three",
        },
      ],
    },
    appArmor: {
      type: "object",
      description: "Which AppArmor profile confines it.",
      ...by(RUNTIME_DEFAULT),
      ...(!defaults && { required: ["type"] }),
      properties: {
        type: {
          type: "string",
          enum: ["RuntimeDefault", "Unconfined", "Localhost"],
          ...by("RuntimeDefault"),
          description: "RuntimeDefault: the backend's; Unconfined: none; Localhost: one that is loaded on its machine.",
        },
        name: {
          type: "string",
          minLength: 1,
          maxLength: 253,
          pattern: "^[-._a-zA-Z0-9/]+$",
          description: "Name of the profile that is loaded there.",
        },
      },
      "x-kubernetes-validations": [
        {
          rule: "(self.type == 'Localhost') == has(self.name)",
          message: "type Localhost needs name, and no other has one",
        },
      ],
    },
    runAsNonRoot: {
      type: "boolean",
      ...by(false),
      description: "Whether an image whose user is root is refused.",
    },
  };
}

const ENFORCEMENT: JsonSchema = {
  type: "string",
  enum: ["Enforced", "Partial", "NotEnforced"],
  description: "How far the backend sees to it.",
};

/** Field by field, how far a backend enforces a profile. */
export const fieldEnforcements: JsonSchema = {
  type: "array",
  description: "Field by field, how far the backend enforces the profile.",
  maxItems: 32,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["field"],
  items: {
    type: "object",
    required: ["field", "enforcement", "reason"],
    properties: {
      field: { type: "string", maxLength: 64, description: "Field of the profile, for example network.allowedHosts." },
      enforcement: ENFORCEMENT,
      reason: { type: "string", maxLength: 1024, description: "How, or why not." },
    },
  },
};

export const guardrailWarnings: JsonSchema = {
  type: "array",
  description: "What the profile asks for and does not get.",
  maxItems: 32,
  "x-kubernetes-list-type": "atomic",
  items: {
    type: "object",
    required: ["field", "message", "backend", "severity"],
    properties: {
      field: { type: "string", maxLength: 64, description: "Field of the profile." },
      message: { type: "string", maxLength: 1024, description: "What is left open." },
      backend: { type: "string", maxLength: 253, description: "The RuntimeBackend." },
      severity: {
        type: "string",
        enum: ["Info", "Warning"],
        description:
          "Warning where a field is not enforced, Info where it is in part or the backend is not recommended.",
      },
    },
  },
};

/** What a backend can enforce: `status.capabilities.guardrails`. */
export const guardrailSupport: JsonSchema = {
  type: "array",
  description: "What this place can enforce of a GuardrailProfile.",
  maxItems: 64,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["feature"],
  items: {
    type: "object",
    required: ["feature", "enforcement", "reason"],
    properties: {
      feature: { type: "string", maxLength: 64, description: "A field, or one way to use it." },
      enforcement: ENFORCEMENT,
      reason: { type: "string", maxLength: 1024, description: "How, or why not." },
    },
  },
};
