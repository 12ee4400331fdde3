/** Longer lines are handed on in pieces. */
export const MAX_LINE_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The lines of a text in UTF-8, without their ends. What comes after the last end is a line, too. */
export async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  let pending: Buffer[] = [];
  let size = 0;
  const flush = (): string => {
    const line = Buffer.concat(pending);
    pending = [];
    size = 0;
    // Only now, since a character may begin in one chunk and end in the next.
    return line.at(-1) === CARRIAGE_RETURN ? line.toString("utf8", 0, line.length - 1) : line.toString("utf8");
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(NEWLINE, at);
      const piece = chunk.subarray(at, Math.min(end < 0 ? chunk.length : end, at + MAX_LINE_BYTES - size));
      pending.push(piece);
      size += piece.length;
      at += piece.length;
      if (at === end) at += 1;
      else if (size < MAX_LINE_BYTES) continue;
      yield flush();
    }
  }
  if (size > 0) yield flush();
}
