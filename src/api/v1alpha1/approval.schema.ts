import type { JsonSchema } from "../json-schema.ts";
import {
  escalation,
  people,
  requesterMayApprove,
  required,
  serviceAccountRequests,
  timeoutHours,
} from "./approval-policy.schema.ts";
import { fieldEnforcements } from "./guardrail-fields.ts";
import type { KindSchema } from "./kind-schema.ts";
import { conditions, objectName, observedGeneration } from "./schema-parts.ts";

const uid: JsonSchema = { type: "string", minLength: 1, maxLength: 128 };
const username: JsonSchema = { type: "string", minLength: 1, maxLength: 1024 };
const time = (description: string): JsonSchema => ({ type: "string", format: "date-time", description });
const digest = (description: string): JsonSchema => ({
  type: "string",
  maxLength: 128,
  pattern: "^v[0-9]+:sha256:[0-9a-f]{64}$",
  description,
});
const mac = (description: string): JsonSchema => ({ type: "string", maxLength: 256, description });

/** Without its defaults: what the controller wrote is read back as it was. */
function plain({ default: _, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

const decision: JsonSchema = {
  type: "object",
  description: "What one person said.",
  required: ["verdict"],
  properties: {
    verdict: { type: "string", enum: ["Approved", "Rejected"], description: "Yes or no. One no rejects." },
    reason: { type: "string", maxLength: 1024, description: "Why, for the requesters and for the record." },
    by: { ...username, description: "Who. Stamped at admission, whatever was sent." },
    at: time("When. Stamped at admission."),
    policies: {
      type: "array",
      maxItems: 64,
      "x-kubernetes-list-type": "set",
      items: objectName("Name of an ApprovalPolicy."),
      description: "The policies that take the person for an approver. Stamped at admission.",
    },
    stamp: mac("Proves that admission wrote the rest."),
  },
};

/** A policy as it was when it asked: it goes on to hold when the policy is deleted. */
const policy: JsonSchema = {
  type: "object",
  required: ["name", "uid", "approvers", "timeoutHours"],
  properties: {
    name: objectName("Name of the ApprovalPolicy."),
    uid: { ...uid, description: "Its UID." },
    approvers: { ...people("Who decides."), properties: { ...people("").properties, required: plain(required) } },
    requesterMayApprove: plain(requesterMayApprove),
    serviceAccountRequests: plain(serviceAccountRequests),
    timeoutHours: plain(timeoutHours),
    escalation: escalation("Who may decide, too, when nobody has for so long."),
  },
};

const spec: JsonSchema = {
  type: "object",
  description: "What is asked. Written by the controller; after creation only decisions grows.",
  required: ["deploymentRef", "digest", "effective", "requesters", "requestedAt", "policies", "triggers", "seal"],
  properties: {
    deploymentRef: {
      type: "object",
      description: "The RuntimeDeployment, in the same namespace, that may not run without.",
      required: ["name", "uid"],
      properties: {
        name: objectName("Its name."),
        uid: { ...uid, description: "Its UID: one made anew under its name is another." },
      },
    },
    generation: {
      type: "integer",
      format: "int64",
      minimum: 0,
      description: "The generation of the deployment that was asked about first.",
    },
    digest: digest("Digest of effective: what a yes is a yes to."),
    effective: {
      type: "object",
      description:
        "The whole effective spec: what is reviewed, and what repairs the server while a newer version awaits approval.",
      "x-kubernetes-preserve-unknown-fields": true,
    },
    requesters: {
      type: "array",
      maxItems: 256,
      "x-kubernetes-list-type": "atomic",
      description: "All whose writes make up the difference to the version approved last.",
      items: {
        type: "object",
        required: ["username"],
        properties: {
          username: { ...username, description: "User name." },
          groups: {
            type: "array",
            maxItems: 256,
            "x-kubernetes-list-type": "atomic",
            items: username,
            description: "Groups at the time of writing.",
          },
        },
      },
    },
    inputs: {
      type: "array",
      maxItems: 8,
      "x-kubernetes-list-type": "atomic",
      description: "What the effective spec was made from, so that later writes to it can be told from earlier ones.",
      items: {
        type: "object",
        required: ["kind", "name", "uid", "digest"],
        properties: {
          kind: { type: "string", maxLength: 63, description: "Its kind." },
          name: objectName("Its name."),
          uid: { ...uid, description: "Its UID." },
          digest: digest("Digest of what a requester can change in it."),
        },
      },
    },
    request: {
      type: "string",
      maxLength: 256,
      description: "Value of the annotation slipway.dev/request that led to this request.",
    },
    requestedAt: time("When it was asked."),
    policies: {
      type: "array",
      minItems: 1,
      maxItems: 64,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: policy,
      description: "The policies that asked, as they were then.",
    },
    triggers: {
      type: "array",
      minItems: 1,
      maxItems: 256,
      "x-kubernetes-list-type": "atomic",
      description: "Every rule that matched.",
      items: {
        type: "object",
        required: ["policy", "rule", "message"],
        properties: {
          policy: objectName("The ApprovalPolicy."),
          rule: { type: "string", maxLength: 63, description: "Its rule." },
          message: { type: "string", maxLength: 4096, description: "What matched." },
        },
      },
    },
    review: {
      type: "object",
      description: "What helps to decide.",
      properties: {
        enforcement: { ...fieldEnforcements, description: "How far the backend enforces each guardrail." },
        changes: {
          type: "array",
          maxItems: 256,
          "x-kubernetes-list-type": "atomic",
          description: "Field by field, the difference to the version approved last. Empty: there is none.",
          items: {
            type: "object",
            required: ["field"],
            properties: {
              field: { type: "string", maxLength: 512, description: "Path in the effective spec." },
              from: { type: "string", maxLength: 4096, description: "As approved, in JSON. Absent: it was not there." },
              to: {
                type: "string",
                maxLength: 4096,
                description: "As asked for, in JSON. Absent: it is there no more.",
              },
            },
          },
        },
        scan: {
          type: "object",
          description: "What the annotation slipway.dev/scan of the deployment says, unverified.",
          "x-kubernetes-preserve-unknown-fields": true,
        },
      },
    },
    seal: mac("Proves that the controller wrote all but decisions."),
    decisions: {
      type: "array",
      maxItems: 64,
      default: [],
      "x-kubernetes-list-type": "atomic",
      description: "Decisions, in the order in which they were made. Append one by `slipway approve` or a JSON patch.",
      items: decision,
    },
  },
};

const status: JsonSchema = {
  type: "object",
  description: "How it stands. Written by the controller.",
  properties: {
    observedGeneration,
    phase: {
      type: "string",
      enum: ["Pending", "Approved", "Rejected", "Expired", "Superseded"],
      description: "Summary of the conditions.",
    },
    expiresAt: time("When it expires unless it is decided."),
    decidedAt: time("When it stopped to be Pending."),
    decidedBy: {
      type: "array",
      maxItems: 64,
      "x-kubernetes-list-type": "set",
      items: username,
      description: "Whose decisions did it.",
    },
    escalatedAt: time("When those named by escalation were asked, too."),
    image: {
      type: "string",
      maxLength: 1280,
      description: "The first image that ran by it, where spec.effective could not name one. It runs no other.",
    },
    conditions,
    history: {
      type: "array",
      maxItems: 128,
      "x-kubernetes-list-type": "atomic",
      description: "What happened, in order; only ever appended to.",
      items: {
        type: "object",
        required: ["type", "at"],
        properties: {
          type: {
            type: "string",
            enum: ["Requested", "Escalated", "Approved", "Rejected", "Decided", "Expired", "Superseded"],
            description: "What.",
          },
          at: time("When."),
          by: { ...username, description: "Who." },
          message: { type: "string", maxLength: 4096, description: "The reason given, or what led to it." },
        },
      },
    },
    notifications: {
      type: "array",
      maxItems: 64,
      "x-kubernetes-list-type": "atomic",
      description: "Who was told of what.",
      items: {
        type: "object",
        required: ["event", "policy", "channel", "state"],
        properties: {
          event: {
            type: "string",
            enum: ["Requested", "Escalated", "Approved", "Rejected", "Expired"],
            description: "Of what.",
          },
          policy: objectName("By which ApprovalPolicy."),
          channel: { type: "string", enum: ["webhook", "email"], description: "How." },
          state: {
            type: "string",
            enum: ["Pending", "Delivered", "Failed"],
            description: "Whether it was taken. Pending: it is still tried.",
          },
          at: time("When."),
        },
      },
    },
  },
};

export const approvalSchema: KindSchema = {
  names: {
    kind: "Approval",
    listKind: "ApprovalList",
    plural: "approvals",
    singular: "approval",
    shortNames: ["appr"],
    categories: ["slipway"],
  },
  scope: "Namespaced",
  description: "May this exact deployment run? Made by the controller, decided by people.",
  spec,
  status,
  required: ["spec"],
  columns: [
    {
      name: "Phase",
      type: "string",
      jsonPath: ".status.phase",
      description: "Pending, Approved, Rejected, Expired or Superseded.",
    },
    { name: "Deployment", type: "string", jsonPath: ".spec.deploymentRef.name", description: "The RuntimeDeployment." },
    {
      name: "Requester",
      type: "string",
      jsonPath: ".spec.requesters[*].username",
      description: "Whose writes it is about.",
    },
    { name: "Policies", type: "string", jsonPath: ".spec.policies[*].name", description: "Which policies ask." },
    {
      name: "Expires",
      // A column of type date shows an age, and of what is to come `<invalid>`.
      type: "string",
      jsonPath: ".status.expiresAt",
      description: "When it expires unless it is decided.",
    },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was asked." },
    {
      name: "Decided by",
      type: "string",
      jsonPath: ".status.decidedBy",
      priority: 1,
      description: "Whose decisions did it.",
    },
    { name: "Digest", type: "string", jsonPath: ".spec.digest", priority: 1, description: "What a yes is a yes to." },
  ],
  selectableFields: [{ jsonPath: ".spec.deploymentRef.name" }, { jsonPath: ".status.phase" }],
};
