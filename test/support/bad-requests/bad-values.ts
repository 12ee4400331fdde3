/** Picks by a random number from 0 to 1. */
export type Random = () => number;

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** Values of every JSON type that few fields take. Made anew by each call: some are large. */
const VALUES: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 2 ** 53,
  () => -(2 ** 63),
  () => 1e308,
  () => "",
  () => " ",
  () => "512m",
  () => "1e99Ei",
  () => "-5",
  () => "\u0000",
  () => "\ud800",
  () => "\u202eabc",
  () => "ﬀ😀é",
  () => "../../etc/passwd",
  () => "$(id)`id`",
  () => "{{.}}",
  () => "a".repeat(70_000),
  () => "\n".repeat(1_000),
  () => [],
  () => [null],
  () => [[[[]]]],
  () => Array.from({ length: 2_000 }, (_, index) => index),
  () => ({}),
  () => ({ "": "" }),
  () => ({ a: { b: { c: null } } }),
  () => Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index])),
  () => ({ $patch: "delete" }),
  () => ({ __proto__x: 1, constructor: { prototype: { polluted: true } } }),
];

export function badValue(random: Random): unknown {
  return pick(random, VALUES)();
}

/** Text that is as deep as `depth`, built without recursion. */
export function nested(depth: number, kind: "array" | "object"): string {
  return kind === "array"
    ? `${"[".repeat(depth)}${"]".repeat(depth)}`
    : `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
}

/** Every path to a value, as keys and indices. */
export function pathsOf(value: unknown, prefix: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return prefix.length > 0 ? [prefix] : [];
  const own = prefix.length > 0 ? [prefix] : [];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [
    ...own,
    ...keys.flatMap((key) => pathsOf((value as Record<string | number, unknown>)[key], [...prefix, key])),
  ];
}

/** A copy of `object` with another value at `path`. */
export function replaced(object: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const copy = (Array.isArray(object) ? [...object] : { ...(object as object) }) as Record<string | number, unknown>;
  copy[key] = replaced(copy[key], rest, value);
  return copy;
}
