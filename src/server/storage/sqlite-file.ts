import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type StoredObject, StoreRefused } from "./store.ts";
import {
  type BACKUP_ID,
  type ChangeHeader,
  changeChecksum,
  checkFormat,
  FORMAT,
  numberOf,
  objectChecksum,
  STORE_ID,
  TABLES,
  upgrade,
} from "./store-format.ts";
import { synced } from "./synced.ts";
import { checkLog, hasLog, wasLeftOpen } from "./write-ahead-log.ts";

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

/**
 * Creates the file where there is none, checks that it is ours and undamaged, and reads all of it.
 * @throws {StoreRefused} without having changed anything.
 */
export function loadStore(file: string): LoadedStore {
  if (!existsSync(file)) {
    if (hasLog(file) || wasLeftOpen(file)) throw damaged(file, new Error("it is missing; its log is not"));
    makeStore(file);
  }
  return reading(file, () => {
    checkLog(file);
    return (
      withDatabase(file, { readOnly: true }, (database) => {
        checkFormat(database, file, STORE_ID);
        return numberOf(database, "user_version") === FORMAT ? readAll(database) : undefined;
      }) ?? upgraded(file)
    );
  });
}

/**
 * Reads all of a store or a backup that no server uses, and changes nothing.
 * @throws {StoreRefused} when a page or a row of it is damaged, or it is something else.
 */
export function readWhole(file: string, applicationId: typeof STORE_ID | typeof BACKUP_ID): LoadedStore {
  return reading(file, () =>
    withDatabase(file, { readOnly: true }, (database) => {
      checkFormat(database, file, applicationId);
      return readAll(database);
    }),
  );
}

/** Whatever `work` fails with becomes a refusal that says what to do. */
export function reading<T>(file: string, work: () => T): T {
  try {
    if (statSync(file).size === 0) throw new Error("it is empty");
    return work();
  } catch (error) {
    throw error instanceof StoreRefused ? error : damaged(file, error);
  }
}

export function withDatabase<T>(
  file: string,
  options: { readOnly?: boolean; timeout?: number },
  work: (database: DatabaseSync) => T,
): T {
  const database = new DatabaseSync(file, options);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** @throws {StoreRefused} when there is no room or right to make it; then nothing is left of it. */
function makeStore(file: string): void {
  try {
    createStore(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreRefused(
      `${file} cannot be made (${reason}); look after the disk, or choose another data directory`,
      {
        cause: error,
      },
    );
  } finally {
    rmSync(`${file}.new`, { force: true });
  }
}

/** Appears under its name when it is whole: a file cut to nothing must not be taken for one that was never filled. */
function createStore(file: string): void {
  const unfinished = `${file}.new`;
  // A start that was broken off may have left one.
  rmSync(unfinished, { force: true });
  // SQLite gives its -wal and -shm files the permissions of this one.
  closeSync(openSync(unfinished, "wx", 0o600));
  withDatabase(unfinished, {}, (database) =>
    database.exec(
      `PRAGMA synchronous = FULL; BEGIN; ${TABLES} PRAGMA application_id = ${STORE_ID}; PRAGMA user_version = ${FORMAT}; COMMIT`,
    ),
  );
  renameSync(unfinished, file);
  synced(dirname(file));
}

function upgraded(file: string): LoadedStore {
  return withDatabase(file, {}, (database) => {
    upgrade(database, Date.now());
    return readAll(database);
  });
}

function readAll(database: DatabaseSync): LoadedStore {
  // Checksums show what is wrong with a row; this also shows a row that is gone.
  const [check] = database.prepare("PRAGMA quick_check(1)").all();
  const verdict = String(Object.values(check ?? {})[0]);
  if (verdict !== "ok") throw new Error(verdict.replaceAll("\n", " "));
  const objects: StoredObject[] = [];
  const state = new Map<number, StoredObject>();
  for (const row of database.prepare("SELECT * FROM objects").iterate() as Iterable<Row>) {
    const { id, resource, key, revision, shape, json } = row;
    const object = { id, resource, key, revision, shape, json };
    compare(objectChecksum(object), row.crc);
    objects.push(object);
    state.set(id, object);
  }
  const changes: LoadedChange[] = [];
  for (const row of database.prepare("SELECT * FROM changes ORDER BY revision DESC").iterate() as Iterable<ChangeRow>) {
    const { id, resource, key, revision, at } = row;
    compare(changeChecksum(row), row.crc);
    let previous: StoredObject | undefined;
    if (row.previous !== null) {
      const { previous_revision, previous_shape: shape, previous: json } = row;
      previous = { id, resource, key, revision: previous_revision, shape, json };
      compare(objectChecksum(previous), row.previous_crc);
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

interface ChangeRow extends ChangeHeader {
  readonly previous_revision: number;
  readonly previous_shape: string;
  readonly previous: string | null;
  readonly previous_crc: number;
  readonly crc: number;
}

function compare(computed: number, stored: number): void {
  if (computed !== stored) throw new Error("an object does not match its checksum");
}

function damaged(file: string, cause: unknown): StoreRefused {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreRefused(
    `${file} cannot be read (${reason}); it was left as it is. Check the disk and its permissions; restore a backup with ` +
      `'slipway restore FILE --data-dir DIR --force', or move ${file} and what begins with its name away to start empty`,
    { cause },
  );
}
