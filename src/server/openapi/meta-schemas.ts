import type { JsonSchema } from "../../api/json-schema.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";

const text = (description: string): JsonSchema => ({ type: "string", description });

/** The types of `metav1` that requests and answers use, beside the kinds themselves. */
export const metaSchemas: Readonly<Record<string, JsonSchema>> = {
  ObjectMeta: objectMetaSchema,
  ListMeta: {
    type: "object",
    description: "What the server says of a list.",
    properties: {
      continue: text("Token for the next page; empty on the last one."),
      remainingItemCount: { type: "integer", format: "int64", description: "How many items follow, if that is known." },
      resourceVersion: text("Version of the list, from which a watch may continue."),
      selfLink: text("No longer set."),
    },
  },
  Status: {
    type: "object",
    description: "The answer to a request that returns no object.",
    properties: {
      apiVersion: text("v1."),
      kind: text("Status."),
      metadata: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      status: text("Success or Failure."),
      message: text("What happened, for people."),
      reason: text("What happened, in one word."),
      details: { type: "object", "x-kubernetes-preserve-unknown-fields": true, description: "What it is about." },
      code: { type: "integer", format: "int32", description: "The HTTP status code." },
    },
  },
  DeleteOptions: {
    type: "object",
    description: "How an object is to be deleted.",
    properties: {
      apiVersion: text("v1."),
      kind: text("DeleteOptions."),
      dryRun: { type: "array", items: { type: "string" }, description: "`All`: nothing is changed." },
      gracePeriodSeconds: { type: "integer", format: "int64", description: "Seconds until the object goes." },
      orphanDependents: { type: "boolean", description: "Deprecated; see propagationPolicy." },
      propagationPolicy: text("What happens to dependents: Orphan, Background or Foreground."),
      preconditions: {
        type: "object",
        description: "What must hold for the deletion.",
        properties: { resourceVersion: text("The version to delete."), uid: text("The UID to delete.") },
      },
    },
  },
  Patch: { type: "object", description: "A change, in the form that the media type names." },
};
