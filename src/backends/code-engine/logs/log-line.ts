/** One line of a log, and when it was written. */
export interface LogLine {
  /** As its source writes it, RFC 3339. */
  readonly stamp: string;
  /** The same in milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** A line that begins with its time, as Kubernetes writes it on demand. Where no time stands, it is as old as `before`. */
export function stampedLine(line: string, before: Pick<LogLine, "stamp" | "at">): LogLine {
  const end = line.indexOf(" ");
  const stamp = end < 0 ? line : line.slice(0, end);
  const at = /^\d{4}-\d\d-\d\dT/.test(stamp) ? Date.parse(stamp) : Number.NaN;
  // The rest of a line that was too long has none.
  if (Number.isNaN(at)) return { stamp: before.stamp, at: before.at, text: line };
  return { stamp, at, text: end < 0 ? "" : line.slice(end + 1) };
}

/** How a reader gets it. */
export function shown({ stamp, text }: LogLine, timestamps: boolean): string {
  return timestamps ? `${stamp} ${text}` : text;
}
