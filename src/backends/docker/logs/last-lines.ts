import type { LogLine } from "./log-lines.ts";

/** The oldest go where the lines that are asked for would be more. */
const MAX_LENGTH = 16 * 1024 * 1024;

export interface LastLines {
  readonly lines: readonly LogLine[];
  /** Time of the very last, also where none is asked for; empty for none. */
  readonly last: string;
}

/** Reads to the end, and keeps the last `count`. */
export async function lastLines(
  all: AsyncIterable<LogLine>,
  count: number,
  maxLength: number = MAX_LENGTH,
): Promise<LastLines> {
  const lines: LogLine[] = [];
  let first = 0;
  let length = 0;
  let last = "";
  for await (const line of all) {
    last = line.time;
    length += line.text.length;
    lines.push(line);
    for (
      let oldest = lines[first];
      oldest && (lines.length - first > count || length > maxLength);
      oldest = lines[first]
    ) {
      length -= oldest.text.length;
      first += 1;
    }
    // Not one by one: each would move all the others.
    if (first > lines.length / 2) first -= lines.splice(0, first).length;
  }
  return { lines: lines.slice(first), last };
}
