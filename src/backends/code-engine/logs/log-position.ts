import { type LogLine, stampedLine } from "./log-line.ts";

type Moment = Pick<LogLine, "stamp" | "at">;

const BEGINNING: Moment = { stamp: "1970-01-01T00:00:00Z", at: 0 };

/** How far the log of one container was read: to so many lines of one time. Lines of a log come in their order. */
export class LogPosition {
  #last: Moment | undefined;
  #linesThen = 0;

  /** Of the last line, in milliseconds since 1970; undefined before the first. */
  get at(): number | undefined {
    return this.#last?.at;
  }

  /** Those of `lines`, each beginning with its time, that were not read before. */
  async *unread(lines: AsyncIterable<string>): AsyncGenerator<LogLine, void, undefined> {
    const before = this.#last;
    let known = this.#linesThen;
    let previous = BEGINNING;
    for await (const text of lines) {
      const line = stampedLine(text, previous);
      previous = line;
      const order = before ? compare(line, before) : 1;
      if (order < 0) continue;
      if (order === 0 && known > 0) {
        known -= 1;
        continue;
      }
      this.#linesThen = this.#last && compare(line, this.#last) === 0 ? this.#linesThen + 1 : 1;
      this.#last = line;
      yield line;
    }
  }
}

/** Many lines are of the same millisecond: what stands behind it counts, too. */
function compare(a: Moment, b: Moment): number {
  return a.at - b.at || fraction(a).localeCompare(fraction(b));
}

/** Nanoseconds, in nine digits. */
function fraction({ stamp }: Moment): string {
  const [, digits = ""] = /\.(\d+)/.exec(stamp) ?? [];
  return digits.padEnd(9, "0");
}
