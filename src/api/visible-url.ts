/** Pure. A URL without query and fragment, which may hold credentials: for messages, which more people read than specs. */
export function visibleUrl(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? "";
}
