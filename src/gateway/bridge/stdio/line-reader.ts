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
  /** What there is of a line that has not ended. Joined once, since a line of megabytes comes in hundreds of chunks. */
  #parts: Uint8Array[] = [];
  #bytes = 0;
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
    this.#bytes += part.length;
    if (this.#bytes <= this.#options.maxBytes) {
      this.#parts.push(part);
      return;
    }
    this.#isSkipping = true;
    this.#parts = [];
    this.#options.onTooLong();
  }

  #endLine(): void {
    const parts = this.#parts;
    const bytes = this.#bytes;
    const wasSkipping = this.#isSkipping;
    this.#parts = [];
    this.#bytes = 0;
    this.#isSkipping = false;
    if (wasSkipping) return;
    const [first] = parts;
    const whole = parts.length === 1 && first ? first : Buffer.concat(parts, bytes);
    this.#options.onLine(Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString("utf8"), bytes);
  }
}
