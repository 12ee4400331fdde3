import type { Condition } from "../api/meta.ts";

/** A condition before it is put in place. `observedGeneration` is required: every condition says what it judged. */
export type NextCondition = Omit<Condition, "lastTransitionTime" | "observedGeneration"> & {
  observedGeneration: number;
};

/**
 * Longest message that is written: the bound of `metav1.Condition` in Kubernetes' validation, which every CRD with
 * conditions repeats. A longer one would make the whole status patch fail.
 */
const MAX_MESSAGE_LENGTH = 32_768;

/**
 * Returns `conditions` with `next` in place. `lastTransitionTime` moves only when `status` does. Answers the same
 * array when nothing would change, so that a settled object compares equal at once.
 */
export function setCondition(conditions: readonly Condition[], next: NextCondition, now: Date): readonly Condition[] {
  const at = conditions.findIndex(({ type }) => type === next.type);
  const previous = conditions[at];
  const lastTransitionTime = previous?.status === next.status ? previous.lastTransitionTime : formatConditionTime(now);
  const condition: Condition = { ...next, message: bounded(next.message), lastTransitionTime };
  if (!previous) return [...conditions, condition];
  return same(previous, condition) ? conditions : conditions.with(at, condition);
}

/** `conditions` without the one of this type; the same array where there is none. */
export function removeCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.some((condition) => condition.type === type)
    ? conditions.filter((condition) => condition.type !== type)
    : conditions;
}

export function getCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** RFC 3339 with second precision, as `metav1.Time` is written. */
function formatConditionTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

function bounded(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}

function same(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}
