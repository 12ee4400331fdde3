import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { requestEntityTooLarge, StatusError } from "../http/status-error.ts";
import { StoreUnavailable } from "../storage/store.ts";

/** Far beyond what fits into the memory of a server, which holds all objects. */
const MAX_BACKUP_BYTES = 8 * 1024 ** 3;

/**
 * Writes a body to the new file `file`, for the owner alone, as fast as the disk takes it. `declaredBytes` is what the
 * request's head says; NaN or 0 where that is nothing.
 * @throws {StatusError} 413 beyond the limit, {StoreUnavailable} when the client breaks off or the disk is full.
 */
export async function receive(body: Readable, file: string, declaredBytes: number): Promise<void> {
  if (declaredBytes > MAX_BACKUP_BYTES) throw requestEntityTooLarge(MAX_BACKUP_BYTES);
  let bytes = 0;
  try {
    await using target = await open(file, "wx", 0o600);
    // What is left of the body when this fails is the listener's: without its connection there would be no answer.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BACKUP_BYTES) throw requestEntityTooLarge(MAX_BACKUP_BYTES);
      await target.appendFile(chunk);
    }
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`the backup did not arrive as a whole: ${reason}`, { cause: error });
  }
}
