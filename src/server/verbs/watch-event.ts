import type { Change, StoredObject } from "../storage/store.ts";
import type { Selection } from "./selection.ts";

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED";

/**
 * What a change means to somebody who sees a selection of the objects: one that comes to match is ADDED, one that ceases
 * to match is DELETED, with its last matching state. Undefined when they see nothing of it.
 */
export function eventsFor(
  { current, previous }: Change,
  selection: Pick<Selection, "matches">,
): { type: WatchEventType; stored: StoredObject } | undefined {
  const isIn = current !== undefined && selection.matches(current);
  const wasIn = previous !== undefined && selection.matches(previous);
  if (isIn) return { type: wasIn ? "MODIFIED" : "ADDED", stored: current };
  return wasIn ? { type: "DELETED", stored: previous } : undefined;
}
