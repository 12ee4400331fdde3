import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../machinery/clock.ts";
import { type SavedFile, savedFiles, saveFiles } from "./backup-files.ts";
import { lockDataDirectory } from "./data-directory.ts";
import { type LoadedStore, reading, readWhole, withDatabase } from "./sqlite-file.ts";
import { StoreRefused } from "./store.ts";
import { BACKUP_ID, checkFormat, STORE_ID, upgrade } from "./store-format.ts";
import { synced } from "./synced.ts";
import { checkLog } from "./write-ahead-log.ts";

/** How long a backup waits for a server that has the file locked for a moment, at its start and end. */
const BUSY_MS = 10_000;

export interface BackupOptions {
  readonly dataDir: string;
  readonly file: string;
  /** Replace a file of that name. */
  readonly overwrite: boolean;
  readonly clock: Pick<Clock, "now">;
  /** For the server of the directory itself, which may write a backup into it, and loses its lock when it looks at that. */
  readonly asServer?: boolean;
}

export interface BackupSummary {
  readonly objects: number;
  readonly revision: number;
  readonly bytes: number;
}

/**
 * Writes the state of a data directory, of one moment, into one file that only its owner may read; a server may run
 * there and goes on writing. The file appears under its name when it is whole, read back, and on disk.
 * @throws {StoreRefused} when there is nothing to back up, the store is damaged, or the file may not be written.
 */
export function backUp({ dataDir, file, overwrite, clock, asServer = false }: BackupOptions): BackupSummary {
  const store = join(dataDir, "store.db");
  if (!existsSync(store)) throw new StoreRefused(`${dataDir} has no store.db, so there is nothing to back up`);
  const target = resolve(file);
  if (!asServer) refuseTarget(target, { dataDir, overwrite });
  const unfinished = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    closeSync(openSync(unfinished, "wx", 0o600));
    const loaded = reading(store, () => {
      // The log of a server that runs is in motion.
      if (!asServer && !isInUse(dataDir)) checkLog(store);
      copyStore(store, unfinished);
      withDatabase(unfinished, {}, (database) => finish(database, dataDir, clock.now()));
      return readAgain(unfinished, store);
    });
    synced(unfinished);
    const { size } = statSync(unfinished);
    renameSync(unfinished, target);
    synced(dirname(target));
    return { objects: loaded.objects.length, revision: highestRevision(loaded), bytes: size };
  } finally {
    rmSync(unfinished, { force: true });
    rmSync(`${unfinished}-journal`, { force: true });
  }
}

function refuseTarget(target: string, { dataDir, overwrite }: { dataDir: string; overwrite: boolean }): void {
  if (!existsSync(dirname(target))) throw new StoreRefused(`FILE: the folder ${dirname(target)} does not exist`);
  if (existsSync(target) && statSync(target).isDirectory()) {
    throw new StoreRefused(`FILE: ${target} is a folder; name a file in it`);
  }
  const real = join(realpathSync(dirname(target)), basename(target));
  if (!relative(realpathSync(dataDir), real).startsWith("..")) {
    throw new StoreRefused(
      `FILE: ${target} lies in the data directory, and would be lost with it; choose another place`,
    );
  }
  if (!overwrite && existsSync(target)) {
    throw new StoreRefused(`FILE: ${target} exists; choose another name, or replace it with --force`);
  }
}

function isInUse(dataDir: string): boolean {
  try {
    lockDataDirectory(dataDir).release();
    return false;
  } catch (error) {
    if (error instanceof StoreRefused) return true;
    throw error;
  }
}

/** What is wrong with the copy is wrong with the store. */
function readAgain(copy: string, store: string): LoadedStore {
  try {
    return readWhole(copy, BACKUP_ID);
  } catch (error) {
    if (!(error instanceof StoreRefused)) throw error;
    throw new StoreRefused(error.message.replaceAll(copy, store), { cause: error });
  }
}

/** One read transaction: writers go on beside it. Only what is in use is copied, without remains of deleted objects. */
function copyStore(store: string, copy: string): void {
  withDatabase(store, { readOnly: true, timeout: BUSY_MS }, (database) => {
    checkFormat(database, store, STORE_ID);
    database.prepare("VACUUM INTO ?").run(copy);
  });
}

function finish(database: DatabaseSync, dataDir: string, now: Date): void {
  upgrade(database, now.getTime());
  database.exec(`BEGIN; PRAGMA application_id = ${BACKUP_ID}; CREATE TABLE backup (at INTEGER NOT NULL) STRICT;`);
  database.prepare("INSERT INTO backup VALUES (?)").run(now.getTime());
  saveFiles(database, dataDir);
  database.exec("COMMIT");
}

export interface Backup extends LoadedStore {
  readonly at: Date;
  /** Keys, certificates and users. */
  readonly files: readonly SavedFile[];
}

/** Checks all of a backup. @throws {StoreRefused} when it is damaged, of a newer release, or something else. */
export function readBackup(file: string): Backup {
  if (!existsSync(file)) throw new StoreRefused(`FILE: ${file} does not exist`);
  const loaded = readWhole(file, BACKUP_ID);
  return reading(file, () =>
    withDatabase(file, { readOnly: true }, (database) => {
      const files = savedFiles(database);
      const { at } = database.prepare("SELECT at FROM backup").get() as { at: number };
      return { ...loaded, at: new Date(at), files };
    }),
  );
}

/** The highest revision that a store has given out, as far as it tells. */
export function highestRevision({ objects, changes }: LoadedStore): number {
  return objects.reduce((max, { revision }) => Math.max(max, revision), changes.at(-1)?.revision ?? 0);
}
