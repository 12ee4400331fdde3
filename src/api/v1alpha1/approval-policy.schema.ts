import type { JsonSchema } from "../json-schema.ts";
import type { KindSchema } from "./kind-schema.ts";
import {
  conditions,
  cpuQuantity,
  memoryQuantity,
  namespacedKeyReference,
  namespacedReference,
  objectName,
  observedGeneration,
} from "./schema-parts.ts";

function names(description: string, item: JsonSchema): JsonSchema {
  return { type: "array", description, maxItems: 64, "x-kubernetes-list-type": "set", items: item };
}

const principal: JsonSchema = { type: "string", minLength: 1, maxLength: 256 };
const objectNames = objectName("Name of the object.");

/** Who may decide: whoever is in one of the groups, or is one of the users. */
export function people(description: string): JsonSchema {
  return {
    type: "object",
    description,
    properties: {
      groups: names("Groups, as the API server knows them.", principal),
      users: names("User names, as the API server knows them.", principal),
    },
  };
}

export const required: JsonSchema = {
  type: "integer",
  format: "int32",
  minimum: 1,
  maximum: 10,
  default: 1,
  description: "How many different approvers must say yes.",
};

export const requesterMayApprove: JsonSchema = {
  type: "boolean",
  default: false,
  description: "Whether someone whose own writes made up the request counts as an approver of it.",
};

export const serviceAccountRequests: JsonSchema = {
  type: "string",
  enum: ["TwoApprovers", "Allow", "Refuse"],
  default: "TwoApprovers",
  description:
    "Requests by a service account, such as Argo CD's, have no person behind them: two approvers at least, as many as otherwise, or refused.",
};

export const timeoutHours: JsonSchema = {
  type: "integer",
  format: "int32",
  minimum: 1,
  maximum: 168,
  default: 48,
  description: "Hours after which a request that nobody has decided expires.",
};

export function escalation(description: string): JsonSchema {
  const { properties } = people("");
  return {
    type: "object",
    description,
    required: ["afterHours"],
    properties: {
      afterHours: {
        type: "integer",
        format: "int32",
        minimum: 1,
        maximum: 167,
        description: "Hours after the request.",
      },
      ...properties,
    },
  };
}

/** Any member that matches makes the rule match, so that a rule never asks for less than it names. */
const rule: JsonSchema = {
  type: "object",
  description: "Asks for approval when any of its members matches. What has to match together is a rule of cel.",
  required: ["name"],
  properties: {
    name: {
      type: "string",
      minLength: 1,
      maxLength: 63,
      pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
      description: "What the rule is called in approvals.",
    },
    sourceTypes: names("Members of spec.source: servers that come from such a source.", {
      type: "string",
      enum: ["image", "git", "package", "process", "remote"],
    }),
    registryNotIn: names(
      "Images from anywhere but these registries, or registry/repository prefixes by whole path segments: docker.io/library covers nginx. Of no registry, and so from elsewhere, are images that are built from git, wherever they are pushed, image IDs, and images with pullPolicy Never.",
      { type: "string", minLength: 1, maxLength: 512, pattern: "^[^\\s]+$" },
    ),
    profiles: names("GuardrailProfiles by name.", objectNames),
    weakerThan: objectName(
      "A GuardrailProfile: guardrails that are, with overrides and in any field, wider than it has them.",
    ),
    backends: names("RuntimeBackends by name.", objectNames),
    cpuAbove: cpuQuantity("Servers that may use more CPU than this, all instances together, or as much as there is."),
    memoryAbove: memoryQuantity(
      "Servers that may use more memory than this, all instances together, or as much as there is.",
    ),
    cel: {
      type: "string",
      minLength: 1,
      maxLength: 4096,
      description:
        "A CEL expression over `effective`, the effective spec as Approval.spec.effective shows it, with the libraries that Kubernetes has. One that cannot be evaluated asks for approval: use has() for what may be absent.",
    },
  },
  "x-kubernetes-validations": [
    {
      rule: "has(self.sourceTypes) || has(self.registryNotIn) || has(self.profiles) || has(self.weakerThan) || has(self.backends) || has(self.cpuAbove) || has(self.memoryAbove) || has(self.cel)",
      message:
        "must say what it matches: one of sourceTypes, registryNotIn, profiles, weakerThan, backends, cpuAbove, memoryAbove, cel",
    },
  ],
};

const labelSelector: JsonSchema = {
  type: "object",
  description: "Namespaces, by their labels, whose deployments the policy concerns. Empty: all.",
  default: {},
  "x-kubernetes-map-type": "atomic",
  properties: {
    matchLabels: {
      type: "object",
      maxProperties: 64,
      additionalProperties: { type: "string", maxLength: 63 },
      description: "Labels with their values; all must match.",
    },
    matchExpressions: {
      type: "array",
      maxItems: 64,
      "x-kubernetes-list-type": "atomic",
      description: "Requirements; all must match.",
      items: {
        type: "object",
        required: ["key", "operator"],
        properties: {
          key: { type: "string", minLength: 1, maxLength: 317, description: "The label." },
          operator: {
            type: "string",
            enum: ["In", "NotIn", "Exists", "DoesNotExist"],
            description: "How the label relates to the values.",
          },
          values: {
            type: "array",
            maxItems: 64,
            "x-kubernetes-list-type": "atomic",
            items: { type: "string", maxLength: 63 },
            description: "Some for In and NotIn, none for the others.",
          },
        },
        "x-kubernetes-validations": [
          {
            rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : !has(self.values) || self.values.size() == 0",
            message: "In and NotIn need values, Exists and DoesNotExist have none",
          },
        ],
      },
    },
  },
};

const notify: JsonSchema = {
  type: "object",
  description: "Who is told of requests, escalations, decisions and expiries.",
  properties: {
    webhook: {
      type: "object",
      description: "A POST of JSON, which chat tools understand, too.",
      required: ["urlSecretRef"],
      properties: {
        urlSecretRef: namespacedKeyReference(
          "Secret",
          "Where the URL is; it often is a secret by itself. A ca.crt beside it is trusted instead of the usual authorities.",
        ),
        signingSecretRef: namespacedKeyReference("Secret", "Key of the HMAC that signs each body."),
      },
    },
    email: {
      type: "object",
      description: "E-mail by SMTP.",
      required: ["to", "smtpSecretRef"],
      properties: {
        to: {
          type: "array",
          minItems: 1,
          maxItems: 32,
          "x-kubernetes-list-type": "set",
          items: { type: "string", minLength: 3, maxLength: 254, pattern: "^[^\\s@,;<>]+@[^\\s@,;<>]+$" },
          description: "Addresses.",
        },
        smtpSecretRef: namespacedReference(
          "Secret with host, port, from and, where the server wants them, username and password; optionally tls: implicit, starttls or none, and ca.crt.",
        ),
      },
    },
  },
};

const spec: JsonSchema = {
  type: "object",
  description: "Which deployments need approval, by whom, and for how long it is waited.",
  required: ["rules", "approvers"],
  properties: {
    namespaceSelector: labelSelector,
    rules: {
      type: "array",
      description: "Any that matches asks for approval.",
      minItems: 1,
      maxItems: 32,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: rule,
    },
    approvers: {
      type: "object",
      description: "Who decides.",
      properties: { ...people("").properties, required },
      "x-kubernetes-validations": [
        {
          rule: "(has(self.groups) && self.groups.size() > 0) || (has(self.users) && self.users.size() > 0)",
          message: "must name a group or a user; nobody could approve otherwise",
        },
      ],
    },
    requesterMayApprove,
    serviceAccountRequests,
    timeoutHours,
    onChange: {
      type: "string",
      enum: ["KeepRunning", "Stop"],
      default: "KeepRunning",
      description: "What becomes of the version that was approved while a newer one awaits approval.",
    },
    escalation: escalation("Who may decide, too, when nobody has for so long."),
    notify,
  },
  "x-kubernetes-validations": [
    {
      rule: "!has(self.escalation) || self.escalation.afterHours < self.timeoutHours",
      message: "escalation.afterHours must be less than timeoutHours",
      fieldPath: ".escalation.afterHours",
    },
  ],
};

const status: JsonSchema = {
  type: "object",
  description: "Whether the policy can be applied. Written by the controller.",
  properties: { observedGeneration, conditions },
};

export const approvalPolicySchema: KindSchema = {
  names: {
    kind: "ApprovalPolicy",
    listKind: "ApprovalPolicyList",
    plural: "approvalpolicies",
    singular: "approvalpolicy",
    shortNames: ["apol"],
    categories: ["slipway"],
  },
  scope: "Cluster",
  description: "Which deployments need the approval of a person before they run.",
  spec,
  status,
  required: ["spec"],
  columns: [
    {
      name: "Groups",
      type: "string",
      jsonPath: ".spec.approvers.groups",
      description: "Whose members decide.",
    },
    { name: "Required", type: "integer", jsonPath: ".spec.approvers.required", description: "How many must say yes." },
    { name: "Hours", type: "integer", jsonPath: ".spec.timeoutHours", description: "When a request expires." },
    {
      name: "Accepted",
      type: "string",
      jsonPath: '.status.conditions[?(@.type=="Accepted")].status',
      description: "Whether every rule can be evaluated.",
    },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created." },
    {
      name: "Rules",
      type: "string",
      jsonPath: ".spec.rules[*].name",
      priority: 1,
      description: "What asks for approval.",
    },
  ],
  selectableFields: [],
};
