import type { JsonSchema } from "../../api/json-schema.ts";

const time: JsonSchema = { type: "string", format: "date-time" };
const stringMap: JsonSchema = { type: "object", additionalProperties: { type: "string" } };

/** `metav1.ObjectMeta`: the part that all kinds share. Descriptions are in our own words. */
export const objectMetaSchema: JsonSchema = {
  type: "object",
  description: "What every object has: its name, labels, annotations and what the server keeps about it.",
  properties: {
    name: { type: "string", description: "Unique within the namespace and kind. Cannot be changed." },
    generateName: { type: "string", description: "Prefix of a name that the server makes when `name` is empty." },
    namespace: { type: "string", description: "Where the object lives. Empty for cluster-wide kinds." },
    selfLink: { type: "string", description: "No longer set." },
    uid: { type: "string", description: "Tells apart objects that had the same name one after the other." },
    resourceVersion: { type: "string", description: "Changes with every write. Opaque: compare for equality only." },
    generation: { type: "integer", format: "int64", description: "Counts changes of the desired state." },
    creationTimestamp: { ...time, description: "When the server stored the object first." },
    deletionTimestamp: {
      ...time,
      description: "When deletion was asked for. The object goes once no finalizer is left.",
    },
    deletionGracePeriodSeconds: {
      type: "integer",
      format: "int64",
      description: "Seconds between the request for deletion and its effect.",
    },
    labels: { ...stringMap, description: "Keys and values that selectors match." },
    annotations: { ...stringMap, description: "Keys and values for tools; not used by selectors." },
    ownerReferences: {
      type: "array",
      description: "Objects that this one belongs to. It is collected when the last of them is gone.",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["uid"],
      "x-kubernetes-patch-merge-key": "uid",
      "x-kubernetes-patch-strategy": "merge",
      items: {
        type: "object",
        "x-kubernetes-map-type": "atomic",
        properties: {
          apiVersion: { type: "string", description: "API version of the owner." },
          kind: { type: "string", description: "Kind of the owner." },
          name: { type: "string", description: "Name of the owner." },
          uid: { type: "string", description: "UID of the owner." },
          controller: { type: "boolean", description: "True for the one owner that manages this object." },
          blockOwnerDeletion: {
            type: "boolean",
            description: "True: the owner's foreground deletion waits for this object.",
          },
        },
      },
    },
    finalizers: {
      type: "array",
      description: "What must be done before the object may go. Each entry is removed by whoever does it.",
      "x-kubernetes-list-type": "set",
      "x-kubernetes-patch-strategy": "merge",
      items: { type: "string" },
    },
    managedFields: {
      type: "array",
      description: "Which manager set which fields. Kept by the server.",
      "x-kubernetes-list-type": "atomic",
      items: {
        type: "object",
        properties: {
          manager: { type: "string", description: "Who set the fields." },
          operation: { type: "string", description: "Apply or Update." },
          apiVersion: { type: "string", description: "Version in which the fields are written." },
          time: { ...time, description: "When the set of fields changed last." },
          fieldsType: { type: "string", description: "FieldsV1." },
          fieldsV1: {
            type: "object",
            "x-kubernetes-preserve-unknown-fields": true,
            description: "The fields, as a tree of path elements.",
          },
          subresource: { type: "string", description: "The subresource that was written; empty for the object." },
        },
      },
    },
  },
};
