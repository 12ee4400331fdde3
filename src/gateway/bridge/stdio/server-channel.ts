import type { Duplex } from "node:stream";
import { asMessage, type Message } from "../message.ts";
import { LineReader } from "./line-reader.ts";

/** The streams of one process that speaks MCP over stdio. */
export interface ServerChannel {
  send(message: Message): void;
  /** Bytes that the process has not read yet. */
  readonly backlogBytes: number;
  /** Ends the process's input. `onClose` is not called for it. */
  close(): void;
}

export interface ChannelEvents {
  onMessage(message: Message, bytes: number): void;
  /** A line that is no message, or too long. */
  onInvalid(): void;
  /** Called once: nothing more comes, and nothing that is sent arrives. */
  onClose(reason: string): void;
}

/** Begins to read. Events come only after it has returned. */
export type OpenChannel = (events: ChannelEvents) => ServerChannel;

/** Larger than any message that clients of MCP take (the SDK: 10 MB). */
export const LONGEST_LINE_BYTES = 16 * 1024 * 1024;

/** Messages of one line that is a batch (revision 2025-03-26). */
const LARGEST_BATCH = 256;

/** Messages as lines on a byte stream: stdin and stdout of a process, as one duplex. The stream is owned from here on. */
export function lineChannel(stream: Duplex, maxLineBytes = LONGEST_LINE_BYTES): OpenChannel {
  return (events) => {
    let isClosed = false;
    const lines = new LineReader({
      maxBytes: maxLineBytes,
      onTooLong: events.onInvalid,
      onLine: (line, bytes) => {
        if (isClosed || line.trim() === "") return;
        const messages = messagesIn(line);
        if (messages === undefined) events.onInvalid();
        else for (const message of messages) events.onMessage(message, bytes);
      },
    });
    const end = (reason: string) => {
      if (isClosed) return;
      isClosed = true;
      stream.destroy();
      events.onClose(reason);
    };
    stream
      .on("data", (chunk: Buffer) => lines.push(chunk))
      .once("end", () => end("the server's process closed its output"))
      .once("close", () => end("the server's process is gone"))
      .on("error", () => end("the streams of the server's process failed"));
    return {
      get backlogBytes() {
        return stream.writableLength;
      },
      send(message) {
        if (!isClosed) stream.write(`${JSON.stringify(message)}\n`);
      },
      close() {
        isClosed = true;
        stream.destroy();
      },
    };
  };
}

/** Undefined where one of them is no message. */
function messagesIn(line: string): readonly Message[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Servers print things that are not for us.
    return undefined;
  }
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0 || values.length > LARGEST_BATCH) return undefined;
  const messages = values.map(asMessage);
  return messages.every((message) => message !== undefined) ? messages : undefined;
}
