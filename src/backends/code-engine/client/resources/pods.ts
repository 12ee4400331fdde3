import { type Decoder, list, listOrEmpty, number, object, optional, string, stringMap, word } from "../shape.ts";

/** As much of Kubernetes' objects as Code Engine's users have a use for. */

const container = object({ name: string });

export const pod = object({
  metadata: object({ name: string, creationTimestamp: optional(string), labels: optional(stringMap) }),
  spec: optional(object({ initContainers: listOrEmpty(container), containers: listOrEmpty(container) })),
  status: optional(
    object({
      phase: optional(word<"Pending" | "Running" | "Succeeded" | "Failed" | "Unknown">()),
      containerStatuses: listOrEmpty(object({ name: string, restartCount: optional(number) })),
    }),
  ),
});
export type Pod = ReturnType<typeof pod>;

export interface PodPage {
  readonly pods: readonly Pod[];
  readonly next: string | undefined;
}

export const podPage: Decoder<PodPage> = (value, path) => {
  const { items, metadata } = podList(value, path);
  return { pods: items, next: metadata?.continue || undefined };
};

const podList = object({ items: list(pod), metadata: optional(object({ continue: optional(string) })) });

export const podMetricsList = object({
  items: list(
    object({
      metadata: object({ name: string }),
      timestamp: optional(string),
      containers: list(object({ name: string, usage: object({ cpu: string, memory: string }) })),
    }),
  ),
});
