import { CodeEngineError } from "./errors.ts";
import { type Decoder, list, object, optional, string } from "./shape.ts";

/** The most that a page may hold in all of IBM's own examples. */
export const PAGE_SIZE = 100;

/** No quota of a project comes near what these pages hold. */
const MAX_PAGES = 100;

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page starts; absent on the last. */
  readonly next: string | undefined;
}

const link = object({ href: optional(string), start: optional(string) });

/** Reads a page whose resources stand under `plural`. */
export function page<T>(plural: string, item: Decoder<T>): Decoder<Page<T>> {
  const items = list(item);
  const envelope = object({ next: optional(link) });
  return (value, path) => {
    const { next } = envelope(value, path);
    const members = value as Readonly<Record<string, unknown>>;
    return { items: items(members[plural], plural), next: next && (next.start ?? startOf(next.href)) };
  };
}

/** Only the token of a link counts: its address could be anybody's, and would receive ours. */
function startOf(href: string | undefined): string | undefined {
  if (href === undefined || !URL.canParse(href, "https://code-engine.invalid")) return undefined;
  return new URL(href, "https://code-engine.invalid").searchParams.get("start") ?? undefined;
}

/**
 * The resources of all pages, each page read when its first is asked for.
 * @throws {CodeEngineError} when the pages lead in a circle or do not end.
 */
export async function* paged<T>(
  operation: string,
  read: (start: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  const seen = new Set<string>();
  let start: string | undefined;
  do {
    const { items, next } = await read(start);
    yield* items;
    if (next !== undefined && seen.has(next)) throw endless(operation, "its pages lead in a circle");
    if (seen.size >= MAX_PAGES) throw endless(operation, `there are more than ${MAX_PAGES} pages`);
    if (next !== undefined) seen.add(next);
    start = next;
  } while (start !== undefined);
}

function endless(operation: string, said: string): CodeEngineError {
  return new CodeEngineError({ kind: "transient", service: "Code Engine", operation, said });
}
