import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { type StoredObject, StoreRefused } from "./store.ts";

/** "SLPW": tells our file from any other SQLite database. */
const APPLICATION_ID = 0x534c5057;
/** Raised when an older release could no longer read the file. */
const FORMAT = 1;

/**
 * `changes` is an undo log: each row has what its write replaced, so one copy of every object suffices to rebuild any
 * recent revision. Rows are found by `id` (the revision of the object's creation); names are looked up in memory only.
 */
const TABLES = `
  CREATE TABLE objects (
    id INTEGER PRIMARY KEY, resource TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL,
    shape TEXT NOT NULL, json TEXT NOT NULL, crc INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE changes (
    revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, id INTEGER NOT NULL, resource TEXT NOT NULL, key TEXT NOT NULL,
    deleted INTEGER NOT NULL, previous_revision INTEGER, previous_shape TEXT, previous TEXT, previous_crc INTEGER
  ) STRICT;
`;

export interface LoadedChange {
  readonly revision: number;
  readonly at: number;
  readonly current: StoredObject | undefined;
  readonly previous: StoredObject | undefined;
}

export interface LoadedStore {
  readonly objects: StoredObject[];
  /** Oldest first. */
  readonly changes: LoadedChange[];
}

/** Durable settings of every connection that writes: WAL, and an fsync at each commit. */
export function configure(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;");
}

/**
 * Creates the file where there is none, checks that it is ours and undamaged, and reads all of it.
 * @throws {StoreRefused} without having changed anything.
 */
export function loadStore(file: string): LoadedStore {
  const isNew = !existsSync(file) || statSync(file).size === 0;
  // SQLite gives its -wal and -shm files the permissions of this one.
  if (isNew) closeSync(openSync(file, "a", 0o600));
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    if (isNew) {
      configure(database);
      database.exec(
        `BEGIN; ${TABLES} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT}; COMMIT`,
      );
      return { objects: [], changes: [] };
    }
    checkFormat(database, file);
    return readAll(database, file);
  } catch (error) {
    if (error instanceof StoreRefused) throw error;
    throw damaged(file, error);
  } finally {
    database?.close();
  }
}

function checkFormat(database: DatabaseSync, file: string): void {
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  if (pragma("application_id") !== APPLICATION_ID) {
    throw new StoreRefused(`${file} is not a Slipway store; move it away or choose another data directory`);
  }
  const format = pragma("user_version");
  if (format > FORMAT) {
    throw new StoreRefused(
      `${file} has format ${format}, written by a newer Slipway; this one reads up to ${FORMAT}. Run the newer release, or choose another data directory`,
    );
  }
}

function readAll(database: DatabaseSync, file: string): LoadedStore {
  const objects: StoredObject[] = [];
  const state = new Map<number, StoredObject>();
  for (const row of database.prepare("SELECT * FROM objects").iterate() as Iterable<Row>) {
    checkSum(file, row.json, row.crc);
    const { id, resource, key, revision, shape, json } = row;
    const object = { id, resource, key, revision, shape, json };
    objects.push(object);
    state.set(id, object);
  }
  const changes: LoadedChange[] = [];
  for (const row of database.prepare("SELECT * FROM changes ORDER BY revision DESC").iterate() as Iterable<ChangeRow>) {
    const { id, resource, key, revision, at } = row;
    let previous: StoredObject | undefined;
    if (row.previous !== null) {
      checkSum(file, row.previous, row.previous_crc);
      previous = {
        ...{ id, resource, key, json: row.previous },
        revision: row.previous_revision,
        shape: row.previous_shape,
      };
    }
    changes.push({ revision, at, current: row.deleted ? undefined : state.get(id), previous });
    if (previous) state.set(id, previous);
    else state.delete(id);
  }
  return { objects, changes: changes.reverse() };
}

interface Row extends StoredObject {
  readonly crc: number;
}

interface ChangeRow {
  readonly revision: number;
  readonly at: number;
  readonly id: number;
  readonly resource: string;
  readonly key: string;
  readonly deleted: number;
  readonly previous_revision: number;
  readonly previous_shape: string;
  readonly previous: string | null;
  readonly previous_crc: number;
}

function checkSum(file: string, json: string, crc: number): void {
  if (crc32(json) !== crc) throw damaged(file, new Error("an object does not match its checksum"));
}

function damaged(file: string, cause: unknown): StoreRefused {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreRefused(
    `${file} cannot be read (${reason}); it was left as it is. Check the disk and its permissions; restore a backup, or move the file away to start empty`,
    { cause },
  );
}
