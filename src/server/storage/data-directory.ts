import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreRefused } from "./store.ts";

/**
 * Makes `directory` (0700) and locks it for this process until `release`. The lock is the operating system's, held by an
 * open SQLite transaction, so it ends with the process however that ends.
 * @throws {StoreRefused} when another server has it or it cannot be written.
 */
export function lockDataDirectory(directory: string): { release(): void } {
  const file = join(directory, "lock");
  let database: DatabaseSync | undefined;
  try {
    makeDirectory(directory);
    chmodSync(directory, 0o700);
    closeSync(openSync(file, "a", 0o600));
    const locked = new DatabaseSync(file, { timeout: 0 });
    database = locked;
    locked.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return { release: () => locked.close() };
  } catch (error) {
    database?.close();
    const reason = String(error);
    if (reason.includes("database is locked")) {
      throw new StoreRefused(
        `${directory} is in use by another Slipway; stop that one, or choose another directory with --data-dir`,
        { cause: error },
      );
    }
    throw new StoreRefused(`${directory} cannot be used as data directory: ${reason}`, { cause: error });
  }
}

/** `mkdir -p`. Node's own goes round forever where a file system answers ENOENT below a folder that exists, as /proc does. */
function makeDirectory(directory: string): void {
  const missing: string[] = [];
  for (let path = resolve(directory); !existsSync(path); path = dirname(path)) missing.push(path);
  for (const path of missing.reverse()) mkdirSync(path, { mode: 0o700 });
}
