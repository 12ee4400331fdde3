import type { JsonSchema } from "../json-schema.ts";
import { orphanCollection, pidsLimit } from "./schema-parts.ts";

/** RuntimeBackend.spec.process. No default: other types would get it, too. The driver takes an absent one for an empty one. */
export const processBackend: JsonSchema = {
  type: "object",
  description: "Packages and programs as processes of the machine that Slipway runs on, without containers.",
  properties: {
    defaultLimits: {
      type: "object",
      description: "Limits of a process that asks for none. CPU and memory of processes are not limited.",
      default: {},
      properties: { pids: { ...pidsLimit, default: 100 } },
    },
    orphanCollection: orphanCollection("processes, with their folders and logs,"),
  },
};
