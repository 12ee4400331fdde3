import { goFloat } from "../../cel/go-float.ts";

export { goFloat } from "../../cel/go-float.ts";

/** Values and messages as Go prints them, since Kubernetes' answers are made by Go. */

/** Beyond this Kubernetes keeps a number as float64. */
const INT64_LIMIT = 2 ** 63;

/** Whether Kubernetes decodes a JSON number as int64. (`2.0` is one here and a float64 there.) */
export function isInt64(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < INT64_LIMIT;
}

/** A string by `%q`. */
export function goQuote(text: string): string {
  return JSON.stringify(text).replaceAll(/\\u00([01][0-9a-f])/g, "\\x$1");
}

/** Fields that print in their own order, as those of a Go struct do; keys of maps print sorted. */
export class GoStruct {
  readonly #fields: object;

  constructor(fields: object) {
    this.#fields = fields;
  }

  toJSON(): object {
    return this.#fields;
  }
}

/** JSON as Go's encoder writes it: keys sorted, `<`, `>` and `&` escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(sortKeys(value))
    .replaceAll("<", "\\u003c")
    .replaceAll(">", "\\u003e")
    .replaceAll("&", "\\u0026");
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null || value instanceof GoStruct) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

/** How an error shows the value it refuses. */
export function goValue(value: unknown): string {
  if (typeof value === "string") return goQuote(value);
  if (typeof value === "number") return isInt64(value) ? BigInt(value).toString() : goFloat(value);
  if (value === undefined) return '""';
  return typeof value === "object" ? goJson(value) : String(value);
}

/** A decoded JSON value by `%v`: `map[a:1 b:[x y]]`. */
export function goPrint(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goPrint).join(" ")}]`;
  if (value === null) return "<nil>";
  if (typeof value === "number") return isInt64(value) ? BigInt(value).toString() : goFloat(value);
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, inner]) => `${key}:${goPrint(inner)}`).join(" ")}]`;
}
