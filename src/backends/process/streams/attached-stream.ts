import { Duplex } from "node:stream";

/**
 * One holder's view of a stream that outlives it: its destruction leaves the stream as it is, paused, for the next holder. It ends
 * when the stream does.
 */
export class AttachedStream extends Duplex {
  readonly #stream: Duplex;
  readonly #onData = (chunk: Buffer) => {
    if (!this.push(chunk)) this.#stream.pause();
  };
  readonly #onEnd = () => this.push(null);
  readonly #onClose = () => this.destroy();
  readonly #onError = (error: Error) => this.destroy(error);

  constructor(stream: Duplex) {
    super({ allowHalfOpen: false });
    this.#stream = stream;
    // Whoever reads sees the end; an error would end this program where nobody listens.
    this.on("error", () => undefined);
    stream.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose).on("error", this.#onError);
    if (stream.destroyed) this.destroy();
    else if (stream.readableEnded) this.push(null);
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#stream.write(chunk, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const stream = this.#stream;
    stream.pause();
    stream.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose).off("error", this.#onError);
    done(error);
  }
}
