import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Paths of the named pipes that are the standard input and output of a process. */
export interface NamedPipes {
  readonly stdin: string;
  readonly stdout: string;
}

/**
 * Input and output of a process as one stream of bytes, by named pipes, with back-pressure both ways. Each is opened when it is first
 * used. It ends with the output; its destruction leaves the process its pipes, with what nobody has read so far. It is closed
 * once it has neither open.
 */
export class NamedPipeStream extends Duplex {
  readonly #pipes: NamedPipes;
  #stdin: Socket | undefined;
  #stdout: Socket | undefined;

  constructor(pipes: NamedPipes) {
    // A socket encodes text as it writes it.
    super({ allowHalfOpen: false, decodeStrings: false });
    this.#pipes = pipes;
    // Nobody may listen yet, or any more; who writes is told by the callback.
    this.on("error", () => undefined);
  }

  override _read(): void {
    try {
      if (this.#stdout) this.#stdout.resume();
      else this.#openStdout();
    } catch (error) {
      this.destroy(asError(error));
    }
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      this.#stdin ??= opened(this.#pipes.stdin, "write");
      this.#stdin.write(chunk, encoding, done);
    } catch (error) {
      // A process that has closed its input, or is gone.
      done(asError(error));
    }
  }

  override _final(done: () => void): void {
    this.#stdin?.destroy();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const open = [this.#stdin, this.#stdout].filter((socket) => socket !== undefined);
    void Promise.all(open.map(close)).then(() => done(error));
  }

  #openStdout(): void {
    const stdout = opened(this.#pipes.stdout, "read");
    // Before anything can fail: whoever destroys this stream closes it.
    this.#stdout = stdout;
    // Linux tells of the end only whom a writer has left: of a process that is gone already nothing would be heard.
    closeSync(openSync(this.#pipes.stdout, constants.O_WRONLY | constants.O_NONBLOCK));
    stdout.on("data", (chunk) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.once("end", () => this.push(null)).once("error", (error) => this.destroy(error));
  }
}

/** Neither waits for the other end. A socket waits in the event loop, where a file would hold a thread of the pool. */
function opened(path: string, use: "read" | "write"): Socket {
  const access = use === "read" ? constants.O_RDONLY : constants.O_WRONLY;
  const fd = openSync(path, access | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: use === "read", writable: use === "write" });
  return socket.on("error", () => undefined);
}

async function close(socket: Socket): Promise<void> {
  socket.destroy();
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
