interface Pair {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Characters before the first difference that say where it is. */
const CONTEXT = 64;

/** What the marks of both ends take at most. */
const MARKS = 64;

/**
 * Pure. Two texts of at most `longest` characters: where one is longer, the same part of both, from shortly before their first
 * difference, with marks at its ends that count what is left out. Never half a character.
 */
export function excerpts({ from, to }: Pair, longest: number): { from?: string; to?: string } {
  const isShort = (from?.length ?? 0) <= longest && (to?.length ?? 0) <= longest;
  const start = isShort || from === undefined || to === undefined ? 0 : Math.max(0, samePrefix(from, to) - CONTEXT);
  return {
    ...(from !== undefined && { from: excerpt(from, start, longest) }),
    ...(to !== undefined && { to: excerpt(to, start, longest) }),
  };
}

function excerpt(text: string, start: number, longest: number): string {
  if (start === 0 && text.length <= longest) return text;
  const end = start + Math.max(0, longest - MARKS);
  const before = start > 0 ? `[${start} characters…]` : "";
  const after = text.length > end ? `[…${text.length - end} characters]` : "";
  return `${before}${text.slice(start, end)}${after}`.toWellFormed();
}

function samePrefix(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
