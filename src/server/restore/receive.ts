import { createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { requestEntityTooLarge } from "../http/status-error.ts";
import { StoreUnavailable } from "../storage/store.ts";

/** Far beyond what fits into the memory of a server, which holds all objects. */
const MAX_BACKUP_BYTES = 8 * 1024 ** 3;

export interface ReceiveOptions {
  /** Made; for the owner alone. */
  readonly file: string;
  /** Of the request's head; NaN or 0 where it says nothing. */
  readonly declaredBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Writes a body to a file, as fast as the disk takes it.
 * @throws {StatusError} 413 beyond the limit, {StoreUnavailable} when the client breaks off or the disk is full.
 */
export async function receive(body: Readable, { file, declaredBytes, signal }: ReceiveOptions): Promise<void> {
  if (declaredBytes > MAX_BACKUP_BYTES) throw requestEntityTooLarge(MAX_BACKUP_BYTES);
  let isTooLarge = false;
  async function* bounded(chunks: AsyncIterable<Buffer>) {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      isTooLarge = bytes > MAX_BACKUP_BYTES;
      if (isTooLarge) return;
      yield chunk;
    }
  }
  try {
    await pipeline(body, bounded, createWriteStream(file, { flags: "wx", mode: 0o600 }), { signal });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`the backup did not arrive as a whole: ${reason}`, { cause: error });
  }
  if (isTooLarge) throw requestEntityTooLarge(MAX_BACKUP_BYTES);
}
