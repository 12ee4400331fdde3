import { Duplex, type Readable, type Writable } from "node:stream";

/**
 * stdin and stdout of a process as one stream of bytes, with back-pressure both ways. It ends with stdout; what was written
 * before is still read. A stdin that is closed destroys it with the system's error, and its destruction closes both pipes.
 */
export class PipeDuplex extends Duplex {
  readonly #stdin: Writable;
  readonly #stdout: Readable;

  constructor(stdin: Writable, stdout: Readable) {
    super();
    this.#stdin = stdin;
    this.#stdout = stdout;
    // Nobody may listen yet, or any more; who writes is told by the callback.
    this.on("error", () => undefined);
    stdin.on("error", () => undefined);
    stdout.on("error", (error) => this.destroy(error));
    stdout.on("data", (chunk) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.once("end", () => this.push(null));
  }

  override _read(): void {
    this.#stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#stdin.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stdin.destroy();
    this.#stdout.destroy();
    done(error);
  }
}
