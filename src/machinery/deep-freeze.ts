/**
 * Freezes a JSON value to its last level and returns it. A cache hands the same object to everybody, so a change by one
 * would be seen by all and by nobody's watch; frozen, it throws where it happens.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const key in value) deepFreeze(value[key]);
  return value;
}
