import { readFileSync } from "node:fs";

/** The lines of one type by field. */
export type TypeNotation = Readonly<Record<string, string>>;

let notations: ReadonlyMap<string, TypeNotation> | undefined;

/** What types.jsonl says of a type; read when first asked for. */
export function notationOf(type: string): TypeNotation | undefined {
  if (notations === undefined) {
    const text = readFileSync(new URL("types.jsonl", import.meta.url), "utf8");
    const lines = text.trimEnd().split("\n");
    notations = new Map(lines.map((line) => JSON.parse(line) as [string, TypeNotation]));
  }
  return notations.get(type);
}
