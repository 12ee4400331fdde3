import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { type StoredObject, StoreRefused } from "./store.ts";

/** "SLPW" and "SLPB": tell a store and a backup from each other and from any other SQLite database. */
export const STORE_ID = 0x534c5057;
export const BACKUP_ID = 0x534c5042;
/** Raised when an older release could no longer read the file. 2: checksums cover all columns of a row. */
export const FORMAT = 2;

/**
 * An undo log: each row has what its write replaced, so one copy of every object suffices to rebuild any recent revision.
 * A row without an object (id 0) only says how far revisions have been counted.
 */
const CHANGES = `
  CREATE TABLE changes (
    revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, id INTEGER NOT NULL, resource TEXT NOT NULL, key TEXT NOT NULL,
    deleted INTEGER NOT NULL, previous_revision INTEGER, previous_shape TEXT, previous TEXT, previous_crc INTEGER,
    crc INTEGER NOT NULL
  ) STRICT;`;

/** Rows are found by `id` (the revision of the object's creation); names are looked up in memory only. */
export const TABLES = `
  CREATE TABLE objects (
    id INTEGER PRIMARY KEY, resource TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL,
    shape TEXT NOT NULL, json TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  ${CHANGES}`;

export interface ChangeHeader {
  readonly revision: number;
  /** Milliseconds of the wall clock. */
  readonly at: number;
  readonly id: number;
  readonly resource: string;
  readonly key: string;
  readonly deleted: number;
}

/** Of a whole row of `objects`, and of what a row of `changes` keeps of one. */
export function objectChecksum({ id, resource, key, revision, shape, json }: StoredObject): number {
  return crc32(json, crc32(`${id}\0${resource}\0${key}\0${revision}\0${shape}\0`));
}

/** Of the columns of a change that no object's checksum covers. */
export function changeChecksum({ revision, at, id, resource, key, deleted }: ChangeHeader): number {
  return crc32(`${revision}\0${at}\0${id}\0${resource}\0${key}\0${deleted}`);
}

/** Durable settings of every connection that writes: WAL, cut to 64 MiB after a burst, and an fsync at each commit. */
export function configure(database: DatabaseSync): void {
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = ${64 * 1024 * 1024};`);
}

/** A pragma that answers one number. */
export function numberOf(database: DatabaseSync, pragma: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
}

/** @throws {StoreRefused} when `file` is of another application, or of a format that this release does not know. */
export function checkFormat(database: DatabaseSync, file: string, expected: typeof STORE_ID | typeof BACKUP_ID): void {
  const found = numberOf(database, "application_id");
  if (found !== expected) throw new StoreRefused(otherFile(file, found));
  const format = numberOf(database, "user_version");
  if (format > FORMAT) {
    const remedy =
      expected === STORE_ID
        ? "Run the newer release, or choose another data directory"
        : "Restore it with the newer release";
    throw new StoreRefused(
      `${file} has format ${format}, written by a newer Slipway; this one reads up to ${FORMAT}. ${remedy}`,
    );
  }
}

function otherFile(file: string, applicationId: number): string {
  if (applicationId === STORE_ID) {
    return `${file} is the store of a data directory, not a backup; make one with 'slipway backup FILE --data-dir DIR'`;
  }
  if (applicationId === BACKUP_ID) {
    return `${file} is a backup, not a store; move it away and run 'slipway restore FILE --data-dir DIR' with it`;
  }
  return `${file} is neither a store nor a backup of Slipway; move it away, or choose another`;
}

/** Leaves a mark that all revisions up to `revision` are given out and none below it can be watched from. */
export function markRevision(database: DatabaseSync, revision: number, at: number): void {
  const mark: ChangeHeader = { revision, at, id: 0, resource: "", key: "", deleted: 1 };
  database.exec("DELETE FROM changes");
  database
    .prepare("INSERT INTO changes (revision, at, id, resource, key, deleted, crc) VALUES (?, ?, 0, '', '', 1, ?)")
    .run(revision, at, changeChecksum(mark));
}

/**
 * Brings a file of format 1 to this one, in one transaction. Its changes are dropped, so watchers list anew once.
 * @throws {Error} and changes nothing where an object does not match its old checksum.
 */
export function upgrade(database: DatabaseSync, now: number): void {
  if (numberOf(database, "user_version") === FORMAT) return;
  database.function("object_checksum", (id, resource, key, revision, shape, json, crc) => {
    if (crc32(String(json)) !== crc) throw new Error("an object does not match its checksum");
    return objectChecksum({
      ...{ id: Number(id), resource: String(resource), key: String(key), revision: Number(revision) },
      ...{ shape: String(shape), json: String(json) },
    });
  });
  database.exec("BEGIN IMMEDIATE");
  try {
    const { highest } = database
      .prepare(
        "SELECT max(coalesce((SELECT max(revision) FROM objects), 0), coalesce((SELECT max(revision) FROM changes), 0)) AS highest",
      )
      .get() as { highest: number };
    database.exec(`UPDATE objects SET crc = object_checksum(id, resource, key, revision, shape, json, crc);
      DROP TABLE changes; ${CHANGES} PRAGMA user_version = ${FORMAT};`);
    markRevision(database, highest, now);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
