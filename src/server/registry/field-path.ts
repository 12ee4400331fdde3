/** Simple paths such as `.spec.replicas`, as the scale subresource names them. */

export function valueAt(object: object, path: string): unknown {
  let value: unknown = object;
  for (const key of keysOf(path)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** The object with the value set; objects on the way are made. Changes `object`. */
export function withValueAt<T extends object>(object: T, path: string, value: unknown): T {
  const keys = keysOf(path);
  const last = keys.pop() as string;
  let holder = object as Record<string, unknown>;
  for (const key of keys) {
    if (typeof holder[key] !== "object" || holder[key] === null) holder[key] = {};
    holder = holder[key] as Record<string, unknown>;
  }
  holder[last] = value;
  return object;
}

function keysOf(path: string): string[] {
  return path.replace(/^\./, "").split(".");
}
