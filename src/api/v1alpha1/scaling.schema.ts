import type { JsonSchema } from "../json-schema.ts";

/** Bounds of Code Engine, the one place that scales. */
const INSTANCES = { type: "integer", format: "int32", maximum: 250 } as const;

function scalingSchema(description: string): JsonSchema {
  return {
    type: "object",
    description,
    properties: {
      min: {
        ...INSTANCES,
        minimum: 0,
        description: "Fewest instances. 0: none while nobody asks, and a wait for whoever asks first. Default: 1.",
      },
      max: {
        ...INSTANCES,
        minimum: 1,
        description:
          "Most instances. A server that keeps sessions works with 1 only. Default: the larger of 1 and min.",
      },
      initial: {
        ...INSTANCES,
        minimum: 0,
        description:
          "Instances that a new revision is brought up with before it takes over. 0: it takes over without one having started, so that nobody has seen it work. Default: the larger of 1 and min.",
      },
      concurrency: {
        type: "integer",
        format: "int32",
        minimum: 1,
        maximum: 1000,
        description: "Requests at once that one instance takes before another is started. Default: 100.",
      },
      downDelaySeconds: {
        type: "integer",
        format: "int32",
        minimum: 0,
        maximum: 3600,
        description: "Seconds that an instance is kept for which there is no more work. Default: 0.",
      },
      requestTimeoutSeconds: {
        type: "integer",
        format: "int32",
        minimum: 1,
        maximum: 600,
        description: "Seconds after which a request, and with it a stream of MCP, is cut. Default: 600.",
      },
    },
    "x-kubernetes-validations": [
      { rule: "!has(self.min) || !has(self.max) || self.min <= self.max", message: "min must not be above max" },
      {
        rule: "!has(self.initial) || !has(self.max) || self.initial <= self.max",
        message: "initial must not be above max",
      },
    ],
  };
}

/** RuntimeDeployment.spec.scaling. */
export const scaling = scalingSchema(
  "How many instances run. Takes effect on backends that scale (code-engine); elsewhere there is one, and the condition Accepted says so. What is not set here is as the RuntimeBackend's defaultScaling has it. Default: one, always.",
);

/** RuntimeBackend.spec.codeEngine.defaultScaling. */
export const defaultScaling = scalingSchema(
  "Scaling of deployments, for each member that they do not set themselves. Default: one instance, always, which is what a server that keeps sessions needs.",
);
