/**
 * Equality of JSON values. Keys may stand in any order, items of lists may not. A member that is undefined is absent, as
 * it is once written. Faster than node's on plain data.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let count = 0;
  for (const key of Object.keys(left)) {
    const value = left[key];
    if (value === undefined) continue;
    // An own member: `__proto__` of a parsed text is one, that of every object is not.
    if (!Object.hasOwn(right, key) || !deepEqual(value, right[key])) return false;
    count += 1;
  }
  return Object.keys(right).every((key) => right[key] === undefined || count-- > 0) && count === 0;
}
