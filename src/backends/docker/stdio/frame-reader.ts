const HEADER_BYTES = 8;
const STDOUT = 1;
/** Standard error, and the Engine's own errors. */
const LAST_KIND = 3;
/** The Engine copies in pieces of 32 KiB. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

/**
 * Standard output out of the Engine's multiplexed stream, as it comes: no frame is ever held back to be whole. (Lines of a log
 * are: `logFrames`.)
 */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #isOutput = false;
  #payloadBytes = 0;

  /** What of `chunk` is standard output. Pieces share its memory. @throws {RangeError} when it is no such stream. */
  *read(chunk: Buffer): Generator<Buffer> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadBytes === 0) {
        at += this.#readHeader(chunk, at);
        continue;
      }
      const piece = chunk.subarray(at, at + this.#payloadBytes);
      at += piece.length;
      this.#payloadBytes -= piece.length;
      if (this.#isOutput) yield piece;
    }
  }

  /** Answers how many bytes of it there were. */
  #readHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes);
    this.#headerBytes += copied;
    if (this.#headerBytes < HEADER_BYTES) return copied;
    this.#headerBytes = 0;
    const [kind = 0] = this.#header;
    this.#payloadBytes = this.#header.readUInt32BE(4);
    this.#isOutput = kind === STDOUT;
    if (kind > LAST_KIND || this.#payloadBytes > MAX_PAYLOAD_BYTES) {
      throw new RangeError("the Docker Engine sent no multiplexed stream");
    }
    return copied;
  }
}
