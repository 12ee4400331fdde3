import type { NamespaceCondition } from "../../api/core.ts";
import type { GroupResource } from "../object-reader.ts";

/** What of one kind is still in a namespace that ends. */
export interface RemainingKind extends GroupResource {
  readonly count: number;
  /** Of all its objects, each as often as it holds one. */
  readonly finalizers: readonly string[];
}

export interface RemainingContent {
  readonly kinds: readonly RemainingKind[];
  /** Why what was to be deleted could not be. */
  readonly failures: readonly string[];
}

/** Webhooks choose the words of their refusals. */
const MAX_FAILURE_TEXT = 1_024;

/**
 * The conditions of a namespace that cannot end yet, in the words of kube-controller-manager. A condition of the same status
 * as before keeps its time.
 * @see https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/namespace/deletion/status_condition_utils.go
 */
export function remainingConditions(
  { kinds, failures }: RemainingContent,
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
    contentFailure(failures),
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
    if (before?.status !== condition.status) return { ...condition, lastTransitionTime: printed(now) };
    const isSame = before.message === condition.message && before.reason === condition.reason;
    return isSame ? before : { ...before, ...condition };
  });
}

function contentFailure(failures: readonly string[]): Omit<NamespaceCondition, "lastTransitionTime"> {
  const type = "NamespaceDeletionContentFailure";
  if (failures.length === 0) {
    const message = "All content successfully deleted, may be waiting on finalization";
    return { type, status: "False", reason: "ContentDeleted", message };
  }
  const told = listed(failures.map((failure) => failure.slice(0, MAX_FAILURE_TEXT)));
  const message = `Failed to delete all resource types, ${failures.length} remaining: ${told}`;
  return { type, status: "True", reason: "ContentDeletionFailed", message };
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
