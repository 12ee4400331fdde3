/**
 * Numbers that a body writes as `2.0` or `1e3`: Go decodes them as float64 and remembers that for as long as the request
 * lasts, while to JavaScript they are 2 and 1000. Known by the object that holds them; a copy of that knows no more of it.
 */
const fractions = new WeakMap<object, Set<string>>();

export function noteWholeFraction(holder: object, key: string): void {
  const keys = fractions.get(holder);
  if (keys) keys.add(key);
  else fractions.set(holder, new Set([key]));
}

export function isWholeFraction(holder: object, key: string): boolean {
  return fractions.get(holder)?.has(key) ?? false;
}
