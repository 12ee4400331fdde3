import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { FrameReader } from "./frame-reader.ts";

const BUFFER_BYTES = 64 * 1024;

/** For what has been written to reach the container, after nobody reads any more. */
const RELEASE_MS = 1_000;

/**
 * Standard input and output of a container, over a connection that the Engine has handed over. It ends with the container's
 * process. Reading and writing wait for each other's side; at most the Engine's own megabyte and two small buffers are kept.
 */
export class AttachedStream extends Duplex {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #released = Promise.withResolvers<void>();
  #hasEnded = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: false, highWaterMark: BUFFER_BYTES });
    this.#socket = socket;
    // It may fail before anybody has it; who has it is told by its end, too.
    this.on("error", () => undefined);
    socket
      .on("data", (chunk: Buffer) => this.#receive(chunk))
      .once("end", () => this.#end())
      .once("close", () => {
        this.#end();
        this.#released.resolve();
      })
      .on("error", (error) => this.destroy(error));
  }

  /** Resolves when the Engine has let go of the connection: nothing of it reaches the container any more. */
  get released(): Promise<void> {
    return this.#released.promise;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, callback);
  }

  override _final(callback: () => void): void {
    // One that has ended already is what was asked for.
    if (this.#socket.writable) this.#socket.end(() => callback());
    else callback();
  }

  /**
   * The Engine first passes on all that was written, and then lets go: half a line would spoil the first of whoever comes next.
   * A container that does not read has a moment.
   */
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(), RELEASE_MS);
    void this.released.then(() => clearTimeout(timer));
    socket.end();
    socket.resume();
    callback(error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    try {
      for (const piece of this.#frames.read(chunk)) if (!this.push(piece)) this.#socket.pause();
    } catch (error) {
      this.#socket.destroy();
      this.destroy(error as Error);
    }
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.push(null);
  }
}
