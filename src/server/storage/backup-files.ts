import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";

/**
 * What a server is beside its objects: the keys that certificates and tokens are signed with, the users, the admin's
 * kubeconfig. Without them every kubeconfig and token would end with a restore.
 */
/** No part of a path can be `..`: such a name does not end as these do. */
const FILE = /^(?:[\w.-]+\.(?:key|crt)|kubeconfig|users\/[^/]+\.json)$/;
/** Far above any of them. */
const MAX_FILE_BYTES = 1024 * 1024;
const FOLDERS = ["users"];

/** Paths below `directory` of what is backed up and what a restore replaces. */
export function filesOf(directory: string): string[] {
  const found = readdirSync(directory).concat(FOLDERS.flatMap((folder) => namesIn(directory, folder)));
  return found.filter((path) => FILE.test(path)).sort();
}

function namesIn(directory: string, folder: string): string[] {
  const names = absentAsUndefined(() => readdirSync(join(directory, folder))) ?? [];
  return names.map((name) => `${folder}/${name}`);
}

/** Adds the files of `directory` to the backup that `database` becomes. */
export function saveFiles(database: DatabaseSync, directory: string): void {
  database.exec(
    "CREATE TABLE files (path TEXT PRIMARY KEY, content BLOB NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  );
  const insert = database.prepare("INSERT INTO files VALUES (?, ?, ?)");
  for (const path of filesOf(directory)) {
    // A user may be revoked meanwhile.
    const content = absentAsUndefined(() => readSmall(join(directory, path)));
    if (content) insert.run(path, content, crcOf(path, content));
  }
}

function readSmall(path: string): Buffer {
  if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`${path} has more than ${MAX_FILE_BYTES} bytes`);
  return readFileSync(path);
}

export interface SavedFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** @throws {Error} when one is damaged, or would be written outside of the directory. */
export function savedFiles(database: DatabaseSync): SavedFile[] {
  const rows = database.prepare("SELECT path, content, crc FROM files ORDER BY path").all() as unknown as FileRow[];
  for (const { path, content, crc } of rows) {
    if (!FILE.test(path)) throw new Error(`${JSON.stringify(path)} is no file of a data directory`);
    if (crc !== crcOf(path, content)) throw new Error(`${path} does not match its checksum`);
  }
  return rows;
}

interface FileRow extends SavedFile {
  readonly crc: number;
}

/** Writes them below `directory`, for the owner alone, and on disk when this returns. */
export function writeFiles(directory: string, files: readonly SavedFile[]): void {
  for (const { path, content } of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, path), content, { mode: 0o600, flush: true });
  }
}

function crcOf(path: string, content: Uint8Array): number {
  return crc32(content, crc32(path));
}

function absentAsUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
