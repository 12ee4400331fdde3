/** So many pieces are looked at together. */
const TOGETHER = 256;
/** Pieces that are this long on average may stay as they are: what an object takes beside its bytes is little then. */
const LONG_BYTES = 1_024;

/**
 * Bytes that come in pieces and are wanted as one, at their end. A piece takes some 200 bytes beside its own, and whoever sends says
 * how small it is: tiny ones are put together as they come, each byte once.
 */
export class BytePieces {
  #pieces: Uint8Array[] = [];
  /** How many of them are long, or were put together. */
  #settled = 0;
  #unsettledBytes = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** What is held, in pieces: what that takes follows from it. */
  get count(): number {
    return this.#pieces.length;
  }

  /** Keeps a reference to it. */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    this.#unsettledBytes += piece.length;
    if (this.#pieces.length - this.#settled < TOGETHER) return;
    if (this.#unsettledBytes < TOGETHER * LONG_BYTES) {
      const tiny = this.#pieces.splice(this.#settled);
      this.#pieces.push(Buffer.concat(tiny, this.#unsettledBytes));
    }
    this.#settled = this.#pieces.length;
    this.#unsettledBytes = 0;
  }

  /** All of it; nothing is held afterwards. */
  take(): Buffer {
    const [first] = this.#pieces;
    const whole =
      this.#pieces.length === 1 && first
        ? Buffer.from(first.buffer, first.byteOffset, first.length)
        : Buffer.concat(this.#pieces, this.#bytes);
    this.clear();
    return whole;
  }

  clear(): void {
    this.#pieces = [];
    this.#settled = 0;
    this.#unsettledBytes = 0;
    this.#bytes = 0;
  }
}
