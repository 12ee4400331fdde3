import type { JsonSchema } from "../json-schema.ts";
import { objectName } from "./schema-parts.ts";

/** Most that is kept of a log: enough to see why, and little beside the rest of an object. */
export const LOG_TAIL = { lines: 20, lineLength: 256 } as const;

/** `status.build` of a RuntimeDeployment. */
export const buildStatus: JsonSchema = {
  type: "object",
  description: "The image's newest build. Absent where nothing is built.",
  required: ["key", "backend", "phase", "attempt"],
  properties: {
    key: { type: "string", maxLength: 64, description: "Stands for all that the build is made from." },
    backend: objectName("The RuntimeBackend that builds."),
    phase: {
      type: "string",
      enum: ["Waiting", "Running", "Succeeded", "Failed"],
      description: "Waiting: not begun yet, or to be tried again. Failed: not tried again as it is.",
    },
    attempt: {
      type: "integer",
      format: "int32",
      minimum: 1,
      description: "Counts from 1 for each key.",
    },
    id: { type: "string", maxLength: 253, description: "Its name there." },
    image: { type: "string", maxLength: 1280, description: "The image that it made, by digest." },
    commit: { type: "string", maxLength: 64, description: "The commit that it was made from, where that is told." },
    startedAt: { type: "string", format: "date-time", description: "When it began to run." },
    completedAt: { type: "string", format: "date-time", description: "When it ended." },
    reason: { type: "string", maxLength: 1024, description: "Why the last attempt failed, as one word for programs." },
    message: { type: "string", maxLength: 4096, description: "Why the last attempt failed, and what to do." },
    logTail: {
      type: "array",
      maxItems: LOG_TAIL.lines,
      "x-kubernetes-list-type": "atomic",
      items: { type: "string", maxLength: LOG_TAIL.lineLength },
      description: "The last lines that the attempt printed which failed. All of them: slipway logs NAME --build.",
    },
    circumstances: {
      type: "array",
      maxItems: 4,
      "x-kubernetes-list-type": "atomic",
      items: { type: "string", maxLength: 320 },
      description:
        "What it was begun with beside what the key stands for: versions of its Secrets and of the RuntimeBackend, and its time limit. What has failed is tried again when they change.",
    },
  },
};
