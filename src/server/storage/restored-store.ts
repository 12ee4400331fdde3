import { copyFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type Backup, highestRevision } from "./backup.ts";
import { withDatabase } from "./sqlite-file.ts";
import { BACKUP_ID, checkFormat, markRevision, objectChecksum, STORE_ID } from "./store-format.ts";

/** As `etcdutl snapshot restore --bump-revision` is advised to: more than a server writes between two backups. */
const REVISION_LEAP = 1_000_000_000;

/** Where the versions of a restored state begin: above `backup`, and above `known`, the highest of the state it replaces. */
export function firstRevision(backup: Backup, known: number, now: Date): number {
  // Time counts for where the store that is replaced cannot say how far it had come.
  return Math.max(highestRevision(backup) + REVISION_LEAP, known + REVISION_LEAP, now.getTime());
}

/**
 * Makes the new file `store` from a backup that was read. Every object gets a new resourceVersion above `from`, and nothing
 * before them can be watched from. Answers the highest.
 */
export function makeRestoredStore(file: string, store: string, { from, now }: { from: number; now: Date }): number {
  copyFileSync(file, store);
  return withDatabase(store, {}, (database) => {
    checkFormat(database, file, BACKUP_ID);
    // Nothing of the keys stays behind in the free pages of the store.
    database.exec("PRAGMA secure_delete = ON; BEGIN; DROP TABLE files; DROP TABLE backup");
    const last = renumber(database, from);
    markRevision(database, last, now.getTime());
    database.exec(`PRAGMA application_id = ${STORE_ID}; COMMIT`);
    return last;
  });
}

/**
 * Objects that were written again after the backup were seen under higher versions; who waits for one, or compares them,
 * must not take the restored object for a stale one.
 */
function renumber(database: DatabaseSync, from: number): number {
  const ids = database.prepare("SELECT id FROM objects ORDER BY revision").all() as { id: number }[];
  const read = database.prepare("SELECT resource, key, shape, json FROM objects WHERE id = ?");
  const write = database.prepare("UPDATE objects SET revision = ?, json = ?, crc = ? WHERE id = ?");
  let revision = from;
  for (const { id } of ids) {
    const row = read.get(id) as { resource: string; key: string; shape: string; json: string };
    revision += 1;
    const object = JSON.parse(row.json) as { metadata: { resourceVersion: string } };
    object.metadata.resourceVersion = String(revision);
    const json = JSON.stringify(object);
    write.run(revision, json, objectChecksum({ ...row, id, revision, json }), id);
  }
  return revision + 1;
}
