/** Members of a list that are named to people; the rest is counted, so that no list makes a message unreadable. */
const NAMED = 8;

/** Longer ones lose their end. Paths may have 1024 characters, a status has 1024 for all of a reason. */
const LONGEST = 100;

/** `a, b, c`, or the first of many and how many more there are; `none` for an empty list. */
export function listing(items: readonly (string | number)[]): string {
  if (items.length === 0) return "none";
  const more = items.length > NAMED ? ` and ${items.length - NAMED} more` : "";
  return `${items
    .slice(0, NAMED)
    .map((item) => clipped(String(item), LONGEST))
    .join(", ")}${more}`;
}

/** At most `length` characters, the last of them an ellipsis where some are left out. */
export function clipped(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
