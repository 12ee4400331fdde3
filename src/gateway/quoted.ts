/** What a caller wrote, for a message: on one line, and no longer than 256 characters. */
export function quoted(text: string | undefined): string {
  return JSON.stringify((text ?? "").slice(0, 256));
}
