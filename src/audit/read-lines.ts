import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { MAX_LINE_BYTES } from "./audit-line.ts";

/** One line of a file. */
export interface FileLine {
  /** Without its end. Cut to nothing where it is longer than any of ours. */
  readonly text: string;
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** False for what stands behind the last line end. */
  readonly isComplete: boolean;
}

const CHUNK_BYTES = 256 * 1024;
const LINE_END = 0x0a;

/** The lines of a file from its beginning, however large it is, up to where it ended when it was asked for. */
export async function* linesOf(file: FileHandle): AsyncGenerator<FileLine> {
  const { size } = await file.stat();
  let rest = Buffer.alloc(0);
  let offset = 0;
  for (let position = 0; position < size; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(CHUNK_BYTES, size - position)), { position });
    if (bytesRead === 0) break;
    position += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let begin = 0;
    for (let end = rest.indexOf(LINE_END); end >= 0; end = rest.indexOf(LINE_END, begin)) {
      yield { text: textOf(rest.subarray(begin, end)), offset: offset + begin, isComplete: true };
      begin = end + 1;
    }
    rest = rest.subarray(begin);
    offset += begin;
    if (rest.length > MAX_LINE_BYTES + CHUNK_BYTES) {
      // Nobody wrote that here, and nobody keeps it in memory.
      yield { text: "", offset, isComplete: true };
      offset += rest.length;
      rest = Buffer.alloc(0);
    }
  }
  if (rest.length > 0) yield { text: textOf(rest), offset, isComplete: false };
}

/** Different bytes give different texts, or none: what is no UTF-8 would be replaced. */
function textOf(bytes: Buffer): string {
  return bytes.length > MAX_LINE_BYTES || !isUtf8(bytes) ? "" : bytes.toString("utf8");
}
