import type { JsonSchema } from "../json-schema.ts";

/** Pieces that several kinds share. Every string, list and map is bounded, so that CEL rules stay inside the cost budget. */

/** The group and version of all of Slipway's kinds. */
export const GROUP = "slipway.dev";
export const VERSION = "v1alpha1";

/** RFC 1123 subdomain: the name of another object. */
export function objectName(description: string): JsonSchema {
  return {
    type: "string",
    description,
    minLength: 1,
    maxLength: 253,
    pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
  };
}

export function reference(description: string): JsonSchema {
  return {
    type: "object",
    description,
    required: ["name"],
    properties: { name: objectName("Name of the object.") },
  };
}

export function namespacedReference(description: string): JsonSchema {
  return {
    type: "object",
    description,
    required: ["namespace", "name"],
    properties: {
      namespace: objectName("Namespace of the object."),
      name: objectName("Name of the object."),
    },
  };
}

/** A key of a Secret or ConfigMap, by Kubernetes' own rule. */
const dataKey: JsonSchema = { type: "string", minLength: 1, maxLength: 253, pattern: "^[-._a-zA-Z0-9]+$" };

export function keyReference(kind: "Secret" | "ConfigMap"): JsonSchema {
  return {
    type: "object",
    description: `One key of a ${kind} in the same namespace.`,
    required: ["name", "key"],
    properties: {
      name: objectName(`Name of the ${kind}.`),
      key: { ...dataKey, description: `Key in the ${kind}.` },
      optional: { type: "boolean", description: "When true, a missing object or key leaves the variable out." },
    },
  };
}

/** As above, of any namespace: for kinds that belong to none. */
export function namespacedKeyReference(kind: "Secret" | "ConfigMap", description: string): JsonSchema {
  return {
    type: "object",
    description,
    required: ["namespace", "name", "key"],
    properties: {
      namespace: objectName(`Namespace of the ${kind}.`),
      name: objectName(`Name of the ${kind}.`),
      key: { ...dataKey, description: `Key in the ${kind}.` },
    },
  };
}

/** Grammar of `resource.Quantity`: k8s.io/apimachinery/pkg/api/resource/quantity.go. */
const QUANTITY = "^\\+?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?[0-9]+))?$";

export function cpuQuantity(description: string): JsonSchema {
  return {
    "x-kubernetes-int-or-string": true,
    description,
    maxLength: 32,
    pattern: QUANTITY,
    "x-kubernetes-validations": [
      {
        rule: "type(self) == string ? quantity(self).isGreaterThan(quantity('0')) : self > 0",
        message: "must be greater than zero, for example 500m or 2",
      },
    ],
  };
}

export function memoryQuantity(description: string): JsonSchema {
  return {
    "x-kubernetes-int-or-string": true,
    description,
    maxLength: 32,
    pattern: QUANTITY,
    "x-kubernetes-validations": [
      {
        rule: "type(self) != string || !self.endsWith('m')",
        message: "the suffix m means milli-bytes; write Mi for mebibytes, for example 256Mi",
      },
      {
        rule: "type(self) == string ? quantity(self).isGreaterThan(quantity('0')) : self > 0",
        message: "must be greater than zero, for example 256Mi",
      },
    ],
  };
}

export const pidsLimit: JsonSchema = {
  type: "integer",
  format: "int64",
  minimum: 1,
  maximum: 4194304,
  description: "Most processes and threads that may exist at once.",
};

export const observedGeneration: JsonSchema = {
  type: "integer",
  format: "int64",
  minimum: 0,
  description: "The generation of the spec that this status speaks of.",
};

export const allowedRegistries: JsonSchema = {
  type: "array",
  description:
    "Registries, or registry/repository prefixes by whole path segments, that images may come from. Empty: all.",
  maxItems: 64,
  "x-kubernetes-list-type": "set",
  items: { type: "string", minLength: 1, maxLength: 512, pattern: "^[^\\s]+$" },
};

/** `what` a backend makes that may outlive its deployment. */
export function orphanCollection(what: string): JsonSchema {
  return {
    type: "object",
    description: `Removal of ${what} whose RuntimeDeployment is gone.`,
    default: {},
    properties: {
      enabled: { type: "boolean", default: true, description: "Whether orphans are removed." },
      intervalHours: {
        type: "integer",
        format: "int32",
        minimum: 1,
        maximum: 8760,
        default: 24,
        description: "Hours between two searches. One is made at start, too.",
      },
    },
  };
}

export const conditions: JsonSchema = {
  type: "array",
  description: "What is true of this object, by the conventions of Kubernetes and kstatus.",
  maxItems: 32,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["type"],
  items: {
    type: "object",
    required: ["type", "status", "reason", "message", "lastTransitionTime"],
    properties: {
      type: { type: "string", maxLength: 316, description: "What the condition is about." },
      status: { type: "string", enum: ["True", "False", "Unknown"], description: "Whether it holds." },
      reason: { type: "string", minLength: 1, maxLength: 1024, description: "Why, as one word for programs." },
      message: { type: "string", maxLength: 32768, description: "Why, and what to do, for people." },
      lastTransitionTime: { type: "string", format: "date-time", description: "When status last changed." },
      observedGeneration: {
        type: "integer",
        format: "int64",
        minimum: 0,
        description: "The generation that this was found true of.",
      },
    },
  },
};
