import { MalformedAnswer } from "./client.ts";

const LINE_FEED = 0x0a;

/**
 * Cuts a stream of bytes into lines of JSON. Holds at most one line, of at most `maxLineBytes`; half a line at the end of
 * the stream is simply not answered, as the connection was cut.
 */
export class JsonLines {
  readonly #maxLineBytes: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The values that `chunk` completes. @throws {MalformedAnswer} for a line that is too long or not JSON. */
  *push(chunk: Buffer): Generator<unknown> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#hold(chunk.subarray(start, end));
      start = end + 1;
      const text = Buffer.concat(this.#pending, this.#pendingBytes).toString("utf8");
      this.#pending = [];
      this.#pendingBytes = 0;
      if (text.trim() !== "") yield parseLine(text);
    }
    this.#hold(chunk.subarray(start));
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return;
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > this.#maxLineBytes) {
      throw new MalformedAnswer(`watch: a line is longer than ${this.#maxLineBytes} bytes`);
    }
    this.#pending.push(part);
  }
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the line, which may be a Secret.
    throw new MalformedAnswer("watch: a line is not JSON");
  }
}
