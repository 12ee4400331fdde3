import { isJsonObject } from "../../../machinery/json-equal.ts";

/** More than that nobody reads before a decision, and an Approval has to hold the rest, too. */
const MAX_CHARACTERS = 32 * 1024;

/** Pure. What an annotation says that a scanner, or anybody, wrote: a JSON object as it is, all else as text, cut where it is long. */
export function scanOf(annotation: string | undefined): Record<string, unknown> | undefined {
  if (annotation === undefined || annotation.trim() === "") return undefined;
  if (annotation.length > MAX_CHARACTERS) return { text: `${annotation.slice(0, MAX_CHARACTERS - 1)}…` };
  try {
    const parsed: unknown = JSON.parse(annotation);
    return isJsonObject(parsed) ? { ...parsed } : { text: annotation };
  } catch {
    // People may write what they like.
    return { text: annotation };
  }
}
