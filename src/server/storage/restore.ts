import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../machinery/clock.ts";
import { highestRevision, readBackup } from "./backup.ts";
import { writeFiles } from "./backup-files.ts";
import { lockDataDirectory } from "./data-directory.ts";
import { beginRestore, commitRestore, settleRestore } from "./restore-steps.ts";
import { firstRevision, makeRestoredStore } from "./restored-store.ts";
import { loadStore } from "./sqlite-file.ts";
import { StoreRefused } from "./store.ts";

export interface RestoreOptions {
  readonly file: string;
  readonly dataDir: string;
  /** Where the directory has a store: put its state aside and go on. */
  readonly overwrite: boolean;
  readonly clock: Pick<Clock, "now">;
}

export interface RestoreSummary {
  readonly objects: number;
  /** When the backup was made. */
  readonly at: Date;
  /** Where the resourceVersions go on. */
  readonly revision: number;
  /** The folder that has what was there before, if anything was. */
  readonly setAside: string | undefined;
}

/**
 * Gives a data directory that no server uses the state of a backup. Every object gets a new resourceVersion above all
 * that were ever given out, and no version from before can be watched from: clients are answered 410 and list anew.
 * @throws {StoreRefused} when the backup is damaged or newer, a server runs, or there is a store and no `overwrite`.
 */
export function restore({ file, dataDir, overwrite, clock }: RestoreOptions): RestoreSummary {
  const backup = readBackup(file);
  const isNew = !existsSync(dataDir);
  const lock = lockDataDirectory(dataDir);
  try {
    const store = join(dataDir, "store.db");
    if (existsSync(store) && !overwrite) {
      throw new StoreRefused(
        `--data-dir: ${dataDir} has a store; choose another directory, or replace it with --force, which keeps it aside`,
      );
    }
    const now = clock.now();
    const building = beginRestore(dataDir);
    writeFiles(building, backup.files);
    const from = firstRevision(backup, revisionOf(store), now);
    const revision = makeRestoredStore(file, join(building, "store.db"), { from, now });
    const setAside = commitRestore(dataDir, now);
    return { objects: backup.objects.length, at: backup.at, revision, setAside };
  } finally {
    // One that failed leaves nothing that takes room.
    settleRestore(dataDir);
    lock.release();
    if (isNew && !existsSync(join(dataDir, "store.db"))) rmSync(dataDir, { recursive: true, force: true });
  }
}

function revisionOf(store: string): number {
  if (!existsSync(store)) return 0;
  try {
    return highestRevision(loadStore(store));
  } catch (error) {
    // Damaged, which may well be why a backup is restored.
    if (error instanceof StoreRefused) return 0;
    throw error;
  }
}
