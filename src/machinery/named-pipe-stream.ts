import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Paths of the named pipes that are the standard input and output of a process. */
export interface NamedPipes {
  readonly stdin: string;
  readonly stdout: string;
}

export interface NamedPipeOptions {
  /** Whether an earlier holder may have left half a line in the input. Then that line is ended before anything is written. */
  readonly isTorn?: boolean;
  /** Told before the input can be within a line, and once it is at the end of one: who is ended by force can tell nothing more. */
  readonly onTorn?: (isTorn: boolean) => void;
}

/** PIPE_BUF of Linux (pipe(7)): what is no longer goes into a pipe as a whole, or not at all. */
const WHOLE_BYTES = 4_096;
const LINE_FEED = 0x0a;

/**
 * Input and output of a process as one stream of bytes, by named pipes, with back-pressure both ways. Each is opened when it is first
 * used. It ends with the output; its destruction leaves the process its pipes, with what nobody has read so far. It is closed
 * once it has neither open.
 */
export class NamedPipeStream extends Duplex {
  readonly #pipes: NamedPipes;
  readonly #onTorn: (isTorn: boolean) => void;
  #stdin: Socket | undefined;
  #stdout: Socket | undefined;
  #isTorn: boolean;

  constructor(pipes: NamedPipes, { isTorn = false, onTorn = () => undefined }: NamedPipeOptions = {}) {
    // A socket encodes text as it writes it.
    super({ allowHalfOpen: false, decodeStrings: false });
    this.#pipes = pipes;
    this.#onTorn = onTorn;
    this.#isTorn = isTorn;
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
      const stdin = this.#stdin ?? this.#openStdin();
      const endsLine = typeof chunk === "string" ? chunk.endsWith("\n") : chunk.at(-1) === LINE_FEED;
      if (!endsLine || Buffer.byteLength(chunk, encoding) > WHOLE_BYTES) this.#tear(true);
      stdin.write(chunk, encoding, (error) => {
        if (!error && endsLine) this.#tear(false);
        done(error);
      });
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

  #tear(isTorn: boolean): void {
    if (isTorn === this.#isTorn) return;
    this.#isTorn = isTorn;
    this.#onTorn(isTorn);
  }

  #openStdin(): Socket {
    const stdin = opened(this.#pipes.stdin, "write");
    this.#stdin = stdin;
    if (this.#isTorn) stdin.write("\n");
    return stdin;
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
