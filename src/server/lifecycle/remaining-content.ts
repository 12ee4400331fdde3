import type { NamespaceCondition } from "../../api/core.ts";
import type { GroupResource } from "../object-reader.ts";

/** What of one kind is still in a namespace that ends. */
export interface RemainingKind extends GroupResource {
  readonly count: number;
  /** Of all its objects, each as often as it holds one. */
  readonly finalizers: readonly string[];
}

/**
 * The conditions of a namespace that cannot end yet, in the words of kube-controller-manager. A condition that says the same
 * as before keeps its time.
 * @see https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/namespace/deletion/status_condition_utils.go
 */
export function remainingConditions(
  kinds: readonly RemainingKind[],
  previous: readonly NamespaceCondition[],
  now: Date,
): NamespaceCondition[] {
  const wanted: Omit<NamespaceCondition, "lastTransitionTime">[] = [
    {
      type: "NamespaceDeletionDiscoveryFailure",
      status: "False",
      reason: "ResourcesDiscovered",
      message: "All resources successfully discovered",
    },
    {
      type: "NamespaceDeletionGroupVersionParsingFailure",
      status: "False",
      reason: "ParsedGroupVersions",
      message: "All legacy kube types successfully parsed",
    },
    {
      type: "NamespaceDeletionContentFailure",
      status: "False",
      reason: "ContentDeleted",
      message: "All content successfully deleted, may be waiting on finalization",
    },
    {
      type: "NamespaceContentRemaining",
      status: "True",
      reason: "SomeResourcesRemain",
      message: `Some resources are remaining: ${listed(
        kinds.map(({ plural, group, count }) => `${plural}.${group} has ${count} resource instances`),
      )}`,
    },
    finalizersRemaining(kinds.flatMap(({ finalizers }) => finalizers)),
  ];
  return wanted.map((condition) => {
    const before = previous.find(({ type }) => type === condition.type);
    const isSame = before?.status === condition.status && before.message === condition.message;
    return isSame ? before : { ...condition, lastTransitionTime: printed(now) };
  });
}

function finalizersRemaining(finalizers: readonly string[]): Omit<NamespaceCondition, "lastTransitionTime"> {
  const type = "NamespaceFinalizersRemaining";
  if (finalizers.length === 0) {
    const message = "All content-preserving finalizers finished";
    return { type, status: "False", reason: "ContentHasNoFinalizers", message };
  }
  const counts = Map.groupBy(finalizers, (finalizer) => finalizer);
  const lines = [...counts].map(([finalizer, { length }]) => `${finalizer} in ${length} resource instances`);
  const message = `Some content in the namespace has finalizers remaining: ${listed(lines)}`;
  return { type, status: "True", reason: "SomeFinalizersRemain", message };
}

const listed = (lines: readonly string[]): string => lines.toSorted().join(", ");

/** Kubernetes writes times in whole seconds. */
const printed = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
