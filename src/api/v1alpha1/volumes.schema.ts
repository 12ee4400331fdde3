import type { JsonSchema } from "../json-schema.ts";
import { memoryQuantity, reference } from "./schema-parts.ts";

/** `spec.volumes` of a RuntimeDeployment. */
export const volumes: JsonSchema = {
  type: "array",
  description: "What is mounted into the container. Each has exactly one kind.",
  maxItems: 32,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["name"],
  items: {
    type: "object",
    required: ["name", "mountPath"],
    properties: {
      name: {
        type: "string",
        minLength: 1,
        maxLength: 63,
        pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description: "Name, unique in this deployment.",
      },
      mountPath: {
        type: "string",
        minLength: 2,
        maxLength: 1024,
        pattern: "^/[^:,]*$",
        description: "Absolute path in the container.",
      },
      readOnly: { type: "boolean", default: false, description: "Mount without write access." },
      volume: {
        type: "object",
        description: "A volume of this deployment's own, named from its UID and never shared.",
        properties: {
          retain: {
            type: "boolean",
            default: false,
            description:
              "Keep the volume when the deployment is deleted. Cannot be changed, as the Engine notes it at creation.",
            "x-kubernetes-validations": [
              {
                rule: "self == oldSelf",
                message: "cannot be changed once the volume exists; add a volume of another name and copy the data",
              },
            ],
          },
        },
      },
      tmpfs: {
        type: "object",
        description: "Memory that is gone when the container stops.",
        properties: { sizeLimit: memoryQuantity("Most that it may hold. Default: 64Mi.") },
      },
      configMap: reference("The keys of a ConfigMap as read-only files."),
      secret: reference("The keys of a Secret as read-only files."),
      hostPath: {
        type: "object",
        description: "A directory of the Engine's machine, below a prefix that the RuntimeBackend lists.",
        required: ["path"],
        properties: {
          path: {
            type: "string",
            minLength: 1,
            maxLength: 1024,
            pattern: "^/[^:,]*$",
            description: "Absolute path on the Engine's machine.",
          },
        },
      },
    },
    "x-kubernetes-validations": [
      {
        rule: "[has(self.volume), has(self.tmpfs), has(self.configMap), has(self.secret), has(self.hostPath)].filter(present, present).size() == 1",
        message: "exactly one of volume, tmpfs, configMap, secret and hostPath must be set",
      },
      {
        rule: "!self.mountPath.matches('/[.][.]?(/|$)')",
        message: "mountPath must not contain the segments . and ..",
      },
    ],
  },
};
