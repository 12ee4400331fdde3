import type { JsonSchema } from "../json-schema.ts";

const httpPath: JsonSchema = { type: "string", minLength: 1, maxLength: 1024, pattern: "^/[^\\s#]*$" };

/** Bounds of Code Engine, the one place where it takes effect. */
const liveness: JsonSchema = {
  type: "object",
  description:
    "How the platform itself asks each instance whether it still works; one that fails is started again. Takes effect on code-engine; elsewhere the condition Accepted says that it does not. Default: nothing is asked.",
  properties: {
    probe: {
      type: "string",
      enum: ["tcp", "http"],
      default: "tcp",
      description: "tcp expects a connection; http an answer below 400.",
    },
    path: { ...httpPath, description: "Path of the http probe. Default: health.path, else the transport's path." },
    periodSeconds: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 60,
      default: 10,
      description: "Seconds between probes.",
    },
    timeoutSeconds: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 300,
      default: 5,
      description: "Seconds that one probe may take.",
    },
    failureThreshold: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 10,
      default: 3,
      description: "Failures in a row after which the instance is started again.",
    },
    initialDelaySeconds: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 10,
      description: "Seconds before the first probe of an instance. Default: none.",
    },
  },
};

/** RuntimeDeployment.spec.health. */
export const health: JsonSchema = {
  type: "object",
  description: "How the server is asked whether it works.",
  default: {},
  properties: {
    probe: {
      type: "string",
      enum: ["mcp", "http", "tcp", "none"],
      default: "mcp",
      description:
        "mcp speaks the protocol and lists the tools; http expects an answer below 400; tcp a connection; none asks nothing. On code-engine the platform asks as well before a revision takes over: by http where it says so, else by tcp.",
    },
    path: { ...httpPath, description: "Path of the http probe. Default: the transport's path." },
    periodSeconds: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 3600,
      default: 30,
      description: "Seconds between probes of a server that works.",
    },
    timeoutSeconds: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 300,
      default: 5,
      description: "Seconds that one probe may take.",
    },
    failureThreshold: {
      type: "integer",
      format: "int32",
      minimum: 1,
      maximum: 100,
      default: 3,
      description: "Failures in a row that make a working server not ready.",
    },
    liveness,
  },
};
