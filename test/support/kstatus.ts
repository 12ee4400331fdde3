import type { Condition, KubeObject } from "../../src/api/meta.ts";

/** What Flux, `kpt` and others that use kstatus take an object for. */
export type Kstatus = "Current" | "InProgress" | "Failed" | "Terminating";

/** An object, as far as kstatus looks at it. */
export type Judged = Pick<KubeObject, "metadata"> & {
  readonly status?: unknown;
};

/**
 * kstatus of a kind that it does not know by name, after its documentation and the order of its checks: deletion, generation, then the first
 * condition that is Reconciling or Stalled, then Ready; with none of these an object is Current.
 * https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
 */
export function kstatusOf({ metadata, status }: Judged): Kstatus {
  const { observedGeneration, conditions = [] } = (status ?? {}) as {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  if (observedGeneration !== undefined && observedGeneration !== metadata.generation) return "InProgress";
  for (const { type, status: value } of conditions) {
    if (type === "Reconciling" && value === "True") return "InProgress";
    if (type === "Stalled" && value === "True") return "Failed";
  }
  const ready = conditions.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True" ? "Current" : "InProgress";
}
