import { stringify } from "yaml";
import { visible, visibleLines } from "./visible-text.ts";

/**
 * A value with text of strangers, for programs and for a terminal at once: what is unseen stands as an escape, which means the
 * same to whoever parses it.
 */
export function renderedSafely(output: "json" | "yaml", value: object): string {
  if (output === "json") return `${visibleLines(JSON.stringify(value, null, 2)).join("\n")}\n`;
  const plain = stringify(value);
  const shown = visibleLines(plain).join("\n");
  if (shown === plain) return plain;
  // Only between double quotes does YAML know escapes.
  return visibleLines(stringify(value, { defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 })).join("\n");
}

/** Text of strangers for a terminal: lines and tabs stay. */
export function terminalText(text: string): string {
  return text.replace(/[^\n\t]+/g, visible);
}

/** One line of at most `length` characters: the first words of a text of strangers. */
export function firstWords(text: string, length: number): string {
  // Nobody's table needs more; what follows is not looked at.
  const line = visible(
    text
      .slice(0, length * 8)
      .replace(/\s+/g, " ")
      .trim(),
  );
  if (line.length <= length) return line;
  const cut = line.slice(0, length - 1).replace(/\\(u[0-9a-f]{0,3})?$/, "");
  // A word is not cut, unless it is so long that most of the line would go with it.
  const words = line[length - 1] === " " ? cut : cut.replace(/ [^ ]{0,15}$/, "");
  return `${words.trimEnd()}…`;
}
