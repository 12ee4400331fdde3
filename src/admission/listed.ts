/** Names that one message holds. */
const MOST = 10;

/** `a, b, c and 12 more`: sorted, bounded. */
export function listed(names: readonly string[]): string {
  const sorted = names.toSorted();
  if (sorted.length <= MOST) return sorted.join(", ");
  return `${sorted.slice(0, MOST).join(", ")} and ${sorted.length - MOST} more`;
}
