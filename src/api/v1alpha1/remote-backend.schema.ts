import type { JsonSchema } from "../json-schema.ts";

/** RuntimeBackend.spec.remote. No default: other types would get it, too. The driver takes an absent one for an empty one. */
export const remoteBackend: JsonSchema = {
  type: "object",
  description: "Servers that somebody else runs. Nothing is started or ended there.",
  properties: {
    allowedCidrs: {
      type: "array",
      maxItems: 64,
      "x-kubernetes-list-type": "set",
      items: {
        type: "string",
        maxLength: 43,
        "x-kubernetes-validations": [{ rule: "isCIDR(self)", message: "must be a CIDR, for example 10.1.0.0/16" }],
      },
      description:
        "CIDRs beside the public addresses that servers may be reached at, judged when a connection is made. Empty: public addresses only. Link-local addresses and metadata services are opened only by ranges that hold nothing else.",
    },
  },
};
