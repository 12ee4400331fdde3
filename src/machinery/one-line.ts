/**
 * Text of strangers (Engines, registries, servers) without the characters that move a terminal's cursor, colour or
 * reverse its text, or forge the next line. Each run of them becomes a space.
 */
export function inOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}
