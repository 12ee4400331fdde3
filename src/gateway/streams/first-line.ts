import type { Socket } from "node:net";

const NEWLINE = 0x0a;

export interface FirstLineOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/**
 * The first line of what a socket brings, without its end. What follows stays in the socket, for whoever reads it next.
 * @throws {Error} when it ends before, brings more without one, or at the signal.
 */
export function firstLine(socket: Socket, { maxBytes, signal }: FirstLineOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const settle = (then: () => void) => {
      socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError);
      signal.removeEventListener("abort", onAbort);
      then();
    };
    // Not in flowing mode: a stream that has flowed and was paused stays paused, whoever listens later.
    const onReadable = () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        held = Buffer.concat([held, chunk]);
        const end = held.indexOf(NEWLINE);
        if (end > maxBytes || (end === -1 && held.length > maxBytes)) {
          return settle(() => reject(new Error(`the first line is longer than ${maxBytes} bytes`)));
        }
        if (end !== -1) {
          if (end + 1 < held.length) socket.unshift(held.subarray(end + 1));
          return settle(() => resolve(held.subarray(0, end).toString()));
        }
      }
    };
    const onEnd = () => settle(() => reject(new Error("the socket ended before its first line")));
    const onError = (error: Error) => settle(() => reject(error));
    const onAbort = () => settle(() => reject(signal.reason as Error));
    if (signal.aborted) return reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError);
  });
}
