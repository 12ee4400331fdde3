import type { JsonSchema } from "../json-schema.ts";
import { keyReference } from "./schema-parts.ts";

/** Those that the gateway sets itself, or that belong to one connection. */
const RESERVED =
  "^(host|content-length|content-type|content-encoding|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|via|accept|accept-encoding|last-event-id|origin|proxy-.*|mcp-.*)$";

const header: JsonSchema = {
  type: "object",
  required: ["name"],
  properties: {
    name: {
      type: "string",
      minLength: 1,
      maxLength: 128,
      pattern: "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$",
      description: "Name of the header.",
      "x-kubernetes-validations": [
        {
          rule: `!self.lowerAscii().matches('${RESERVED}')`,
          message: "is set by the gateway or by MCP itself; use another header",
        },
      ],
    },
    value: {
      type: "string",
      maxLength: 8192,
      pattern: "^[\\t\\x20-\\x7e]*$",
      description:
        "Its value, taken literally. Whoever may read this object reads it: credentials belong into a Secret.",
    },
    valueFrom: {
      type: "object",
      description: "Where its value comes from.",
      required: ["secretKeyRef"],
      properties: { secretKeyRef: keyReference("Secret") },
    },
  },
  "x-kubernetes-validations": [
    { rule: "has(self.value) != has(self.valueFrom)", message: "exactly one of value and valueFrom must be set" },
  ],
};

/** `spec.source.remote`: a server that somebody else runs. */
export const remoteSource: JsonSchema = {
  type: "object",
  description: "A server that somebody else runs. It is never started or ended from here.",
  required: ["url"],
  properties: {
    url: {
      type: "string",
      minLength: 1,
      maxLength: 2048,
      description: "URL of its MCP endpoint.",
      "x-kubernetes-validations": [
        {
          rule: "self.matches('^https?://[^/?#\\\\s@]+([/?][^#\\\\s]*)?$') && isURL(self)",
          message: "must be http://HOST/PATH or https://HOST/PATH, without user, password, blanks and fragment",
        },
      ],
    },
    headers: {
      type: "array",
      maxItems: 32,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: header,
      description: "Headers that each request carries. They replace what the caller sent under these names.",
    },
  },
};
