import { constants, open as openCallback } from "node:fs";
import { open } from "node:fs/promises";
import { Socket } from "node:net";
import { promisify } from "node:util";
import { LineCutter } from "./line-cutter.ts";
import { type LogFiles, MAX_LOG_LINE_BYTES } from "./log-files.ts";
import { systemCode } from "./system-error.ts";

const openDescriptor = promisify(openCallback) as (path: string, flags: number) => Promise<number>;

/**
 * A named pipe between a process and its log. The process holds both ends of it: so it outlives this program without a broken
 * pipe, waits when the pipe is full, and a later Slipway reads on where this one ended. This is
 * its writing end, for the process; the caller closes it once that has it.
 */
export async function openForProcess(path: string) {
  return await open(path, constants.O_RDWR);
}

export interface OutputCopy extends Disposable {
  /** Resolves when no process has the pipe any more and all is written, or after the disposal. Never rejects. */
  readonly ended: Promise<void>;
}

/**
 * Copies what comes through the pipe into the log, no faster than the log takes it. What it does not take, as on a full disk, is
 * lost: the process would otherwise stand still on its next word. Some process, or `openForProcess`, has to have the other end
 * already.
 */
export async function copyOutput(
  path: string,
  log: LogFiles,
  onFailure: (error: unknown) => void,
): Promise<OutputCopy> {
  // The socket owns it: a FileHandle would close it again, when it may be another file's.
  const fd = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // A socket waits in the event loop, where a file would hold a thread for each workload.
  const socket = new Socket({ fd, readable: true, writable: false });
  return { ended: copy(socket, log, onFailure), [Symbol.dispose]: () => socket.destroy() };
}

async function copy(socket: Socket, log: LogFiles, onFailure: (error: unknown) => void): Promise<void> {
  const cutter = new LineCutter();
  let isFailing = false;
  const append = async (lines: readonly string[]) => {
    if (lines.length === 0) return;
    try {
      await log.append(lines);
      isFailing = false;
    } catch (error) {
      // Once, until it works again.
      if (!isFailing) onFailure(error);
      isFailing = true;
    }
  };
  try {
    for await (const chunk of socket) {
      const lines = cutter.push(chunk);
      if (cutter.pendingBytes >= MAX_LOG_LINE_BYTES) lines.push(cutter.take());
      await append(lines);
    }
  } catch (error) {
    if (!socket.destroyed) socket.destroy();
    if (systemCode(error) !== "ERR_STREAM_PREMATURE_CLOSE") onFailure(error);
  }
  if (cutter.pendingBytes > 0) await append([cutter.take()]);
}
