import { BytePieces } from "../../../machinery/byte-pieces.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Cuts a stream of bytes into lines of UTF-8, without their end. Holds the line that has not ended; `take` bounds it. */
export class LineCutter {
  readonly #pending = new BytePieces();

  /** Bytes of the line that has not ended. */
  get pendingBytes(): number {
    return this.#pending.bytes;
  }

  /** The lines that `chunk` completes. Keeps a reference to `chunk`. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#hold(chunk.subarray(start, end));
      lines.push(this.take());
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  /** What is held, as a line; nothing is held afterwards. */
  take(): string {
    const line = this.#pending.take();
    return line.at(-1) === CARRIAGE_RETURN ? line.toString("utf8", 0, line.length - 1) : line.toString("utf8");
  }

  #hold(piece: Buffer): void {
    if (piece.length > 0) this.#pending.push(piece);
  }
}
