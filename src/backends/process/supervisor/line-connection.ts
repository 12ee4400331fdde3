import type { Readable, Writable } from "node:stream";
import { LineCutter } from "./line-cutter.ts";

/** Longest line that a server may write: results of tools may hold whole files. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** The stdin and stdout of one process, line by line. */
export interface LineConnection {
  /** Names the process: after a restart it is another connection. */
  readonly instance: string;
  /**
   * What the process writes, for one reader; the process waits while nobody reads. Ends with the process.
   * @throws {LineTooLong}
   */
  lines(): AsyncIterable<string>;
  /** Resolves once the process may be sent more. @throws {ConnectionClosed}, {RangeError} for what is not one line. */
  send(line: string, signal: AbortSignal): Promise<void>;
  /** Resolves when nothing can be sent any more. */
  readonly closed: Promise<void>;
}

/** The process has ended, or has closed its stdin. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";

  constructor() {
    super("the process takes no more input: it has ended, or closed its stdin");
  }
}

/** A process's pipes as a connection. */
export function lineConnection(instance: string, stdin: Writable, stdout: Readable): LineConnection {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  stdin.once("close", close);
  // A broken pipe: `close` follows, and who sends is told.
  stdin.on("error", () => undefined);
  return {
    instance,
    closed,
    async *lines() {
      const cutter = new LineCutter(MAX_LINE_BYTES);
      for await (const chunk of stdout) yield* cutter.push(chunk);
      if (cutter.pendingBytes > 0) yield cutter.take();
    },
    async send(line, signal) {
      signal.throwIfAborted();
      if (/[\r\n]/.test(line)) throw new RangeError("a message is one line, and this has several");
      if (!stdin.writable) throw new ConnectionClosed();
      if (stdin.write(`${line}\n`)) return;
      await drained(stdin, closed, signal);
      signal.throwIfAborted();
      if (!stdin.writable) throw new ConnectionClosed();
    },
  };
}

async function drained(stdin: Writable, closed: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  stdin.once("drain", done);
  signal.addEventListener("abort", done, { once: true });
  await Promise.race([promise, closed]);
  stdin.off("drain", done);
  signal.removeEventListener("abort", done);
}
