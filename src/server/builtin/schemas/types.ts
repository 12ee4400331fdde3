import { readFileSync } from "node:fs";

/** The lines of one type by field. */
export type TypeNotation = Readonly<Record<string, string>>;

let notations: ReadonlyMap<string, TypeNotation> | undefined;

/** What types.json says of a type; read when first asked for. */
export function notationOf(type: string): TypeNotation | undefined {
  if (notations === undefined) {
    const text = readFileSync(new URL("types.json", import.meta.url), "utf8");
    notations = new Map(Object.entries(JSON.parse(text) as Record<string, TypeNotation>));
  }
  return notations.get(type);
}
