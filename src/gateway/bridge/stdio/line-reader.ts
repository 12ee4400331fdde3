import { BytePieces } from "../../../machinery/byte-pieces.ts";

const NEWLINE = 0x0a;

export interface LineReaderOptions {
  /** Longest line, in bytes. */
  readonly maxBytes: number;
  readonly onLine: (line: string, bytes: number) => void;
  /** A line was longer; it is skipped to its end. Called once for each. */
  readonly onTooLong: () => void;
}

/** Cuts bytes into lines. Never keeps more than one line of the longest allowed. */
export class LineReader {
  readonly #options: LineReaderOptions;
  /** What there is of a line that has not ended. */
  readonly #held = new BytePieces();
  #isSkipping = false;

  constructor(options: LineReaderOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(part: Uint8Array): void {
    if (this.#isSkipping) return;
    if (this.#held.bytes + part.length <= this.#options.maxBytes) {
      this.#held.push(part);
      return;
    }
    this.#isSkipping = true;
    this.#held.clear();
    this.#options.onTooLong();
  }

  #endLine(): void {
    const wasSkipping = this.#isSkipping;
    this.#isSkipping = false;
    if (wasSkipping) return;
    const line = this.#held.take();
    this.#options.onLine(line.toString("utf8"), line.length);
  }
}
