import type { LogFrame } from "./log-frames.ts";

/** Longer lines are handed on in pieces. */
export const MAX_LINE_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const SPACE = 0x20;

export interface LogLine {
  /** RFC 3339 with nanoseconds, of its first piece. */
  readonly time: string;
  readonly text: string;
}

interface Partial {
  time: string;
  pieces: Buffer[];
  bytes: number;
}

/**
 * Joins frames to lines. Every frame begins with a time; one that does not end with a newline goes on in the next frame
 * of its stream, with another time that is no part of the text.
 */
export async function* logLines(frames: AsyncIterable<LogFrame>): AsyncGenerator<LogLine> {
  const partials: Record<LogFrame["stream"], Partial | undefined> = { stdout: undefined, stderr: undefined };
  for await (const { stream, payload } of frames) {
    const { time, rest } = splitTime(payload);
    const ended = rest.at(-1) === NEWLINE;
    const piece = ended ? rest.subarray(0, -1) : rest;
    const partial = partials[stream] ?? { time, pieces: [], bytes: 0 };
    partial.pieces.push(piece);
    partial.bytes += piece.length;
    partials[stream] = partial;
    if (!ended && partial.bytes < MAX_LINE_BYTES) continue;
    partials[stream] = undefined;
    yield toLine(partial);
  }
  for (const partial of Object.values(partials)) if (partial) yield toLine(partial);
}

function toLine({ time, pieces }: Partial): LogLine {
  // Only now, since a character may begin in one piece and end in the next.
  const text = Buffer.concat(pieces).toString("utf8");
  return { time, text: text.endsWith("\r") ? text.slice(0, -1) : text };
}

function splitTime(payload: Buffer): { time: string; rest: Buffer } {
  const space = payload.indexOf(SPACE);
  if (space < 0) return { time: "", rest: payload };
  return { time: payload.subarray(0, space).toString("latin1"), rest: payload.subarray(space + 1) };
}
