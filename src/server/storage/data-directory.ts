import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { settleRestore } from "./restore-steps.ts";
import { StoreRefused } from "./store.ts";

/** Another server or command works on the directory. */
export class DirectoryInUse extends StoreRefused {}

/**
 * Makes `directory` (0700) and locks it for this process until `release`. The lock is the operating system's, held by an
 * open SQLite transaction, so it ends with the process however that ends.
 * A restore into it that was broken off is forgotten or completed first.
 * @throws {StoreRefused} when another server has it, or it cannot be written.
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
    settleRestore(directory);
    return { release: () => locked.close() };
  } catch (error) {
    database?.close();
    if (error instanceof StoreRefused) throw error;
    const reason = String(error);
    if (reason.includes("database is locked")) {
      throw new DirectoryInUse(
        `${directory} is in use by another Slipway${holderOf(file)}; stop that one, or choose another directory with --data-dir`,
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

/** The process that has the lock, where the system tells: Linux does, of processes of the same PID namespace. */
function holderOf(file: string): string {
  try {
    const { ino } = statSync(file);
    // `1: POSIX  ADVISORY  WRITE 4711 00:2b:123456 1073741826 1073742335`
    const held = new RegExp(`^\\d+: \\S+\\s+\\S+\\s+WRITE\\s+(\\d+) \\w+:\\w+:${ino} `, "m");
    const pid = Number(held.exec(readFileSync("/proc/locks", "utf8"))?.[1] ?? 0);
    return pid > 0 ? ` (process ${pid})` : "";
  } catch {
    // Another system, or the file has just gone: the refusal stands without the name.
    return "";
  }
}
