/** What a container wrote at once: the Engine sends each as a frame, with a header that says to where and how long. */
export interface LogFrame {
  readonly stream: "stdout" | "stderr";
  readonly payload: Buffer;
}

const HEADER_BYTES = 8;
const STDERR = 2;
/** The Engine cuts what a container writes into pieces of 16 KiB. */
const MAX_PAYLOAD = 1024 * 1024;

/**
 * Splits the Engine's multiplexed stream. (The client library does it through streams of its own, without regard to
 * how fast they are read.)
 * @throws {RangeError} when it is not such a stream.
 */
export async function* logFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<LogFrame> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let at = 0;
    while (pending.length - at >= HEADER_BYTES) {
      const length = pending.readUInt32BE(at + 4);
      const kind = pending[at] ?? 0;
      if (kind > STDERR || length > MAX_PAYLOAD) throw new RangeError("the Docker Engine sent no multiplexed log");
      const end = at + HEADER_BYTES + length;
      if (end > pending.length) break;
      const payload = pending.subarray(at + HEADER_BYTES, end);
      yield { stream: kind === STDERR ? "stderr" : "stdout", payload };
      at = end;
    }
    pending = pending.subarray(at);
  }
}
