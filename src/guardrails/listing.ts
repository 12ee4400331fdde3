/** Members of a list that are named to people; the rest is counted, so that no list makes a message unreadable. */
const NAMED = 8;

/** `a, b, c`, or the first of many and how many more there are; `none` for an empty list. */
export function listing(items: readonly (string | number)[]): string {
  if (items.length === 0) return "none";
  const more = items.length > NAMED ? ` and ${items.length - NAMED} more` : "";
  return `${items.slice(0, NAMED).join(", ")}${more}`;
}
