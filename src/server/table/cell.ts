import type { Cell, Column } from "./column.ts";
import { compileJsonPath, type JsonPath } from "./json-path.ts";

/** An object of which nothing is known. */
export type Fields = Record<string, unknown>;

/** A column of a built-in kind. Those of priority 1 show with `-o wide`. */
export function column(name: string, cell: Cell, priority = 0): Column {
  return { definition: { name, type: "string", format: "", description: name, priority }, cell };
}

const paths = new Map<string, JsonPath>();

/** The value at a path; undefined where there is none. Paths are literals of this folder, so the cache is small. */
export function at(object: object, path: string): unknown {
  let compiled = paths.get(path);
  if (compiled === undefined) {
    compiled = compileJsonPath(path);
    paths.set(path, compiled);
  }
  return compiled(object)[0] ?? undefined;
}

/** A cell with the text at a path, empty where there is none. */
export function text(path: string): Cell {
  return (object) => at(object, path) ?? "";
}

export function list<T>(object: object, path: string): readonly T[] {
  const value = at(object, path);
  return Array.isArray(value) ? value : [];
}

/** How many members a map or list has. */
export function count(object: object, path: string): number {
  const value = at(object, path);
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

/** A map as a selector is written: `a=1,b=2`. */
export function pairs(object: object, path: string): string {
  const value = at(object, path);
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${key}=${item}`)
    .join(",");
}
