import type { Socket } from "node:net";
import type { Owner } from "../../../src/backends/backend.ts";
import { TerminalError, TransientError } from "../../../src/machinery/errors.ts";
import { JsonLines } from "../../../src/machinery/json-lines.ts";
import type { Program } from "../memory-engine.ts";

/** Methods of a Backend that a place answers, with their arguments but for the signal. */
export interface Call {
  readonly call: number;
  /** Name of the RuntimeBackend. */
  readonly backend: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Reply = { readonly call: number } & (
  | { readonly result: unknown }
  | {
      readonly error: {
        readonly name: string;
        readonly reason: string;
        readonly message: string;
        readonly retryAfterMs: number | undefined;
      };
    }
);

/** Something of an owner changed. `answers`: what is said at those of its ports where anything is. */
export interface Change {
  readonly backend: string;
  readonly owner: Owner;
  readonly answers: readonly (readonly [port: number, Program["answers"]])[];
}

/** Of what somebody reads who speaks over a socket; a workload of many files is the longest. */
const MAX_LINE_BYTES = 4 * 2 ** 20;

/** One JSON value a line. `onValue` is told of each; ends with the connection, and cuts it when a line is broken. */
export async function readLines(socket: Socket, onValue: (value: unknown) => void): Promise<void> {
  const lines = new JsonLines(MAX_LINE_BYTES);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) for (const value of lines.push(chunk)) onValue(value);
  } finally {
    socket.destroy();
  }
}

export function writeLine(socket: Socket, value: unknown): void {
  if (socket.writable) socket.write(`${JSON.stringify(value)}\n`);
}

export function encodeError(error: unknown): Extract<Reply, { error: unknown }>["error"] {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const reason = error instanceof TerminalError || error instanceof TransientError ? error.reason : "Defect";
  const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
  return { name, reason, message, retryAfterMs };
}

export function decodeError({
  name,
  reason,
  message,
  retryAfterMs,
}: Extract<Reply, { error: unknown }>["error"]): Error {
  if (name === "TerminalError") return new TerminalError(reason, message);
  if (name === "TransientError") {
    return new TransientError(reason, message, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  return new Error(message);
}
