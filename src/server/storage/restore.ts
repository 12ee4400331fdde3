import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../machinery/clock.ts";
import { highestRevision, readBackup } from "./backup.ts";
import { writeFiles } from "./backup-files.ts";
import { lockDataDirectory, UNFINISHED_RESTORE } from "./data-directory.ts";
import { firstRevision, makeRestoredStore } from "./restored-store.ts";
import { loadStore } from "./sqlite-file.ts";
import { StoreRefused } from "./store.ts";
import { synced } from "./synced.ts";

/** What of a data directory goes aside as one: the state, and what is made from it at the start. */
const STATE = /^(?:store\.db.*|[\w.-]+\.(?:key|crt|token)|kubeconfig|endpoints\.json|users)$/;

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
  const lock = lockDataDirectory(dataDir, { duringRestore: true });
  try {
    const store = join(dataDir, "store.db");
    if (existsSync(store) && !overwrite) {
      throw new StoreRefused(
        `--data-dir: ${dataDir} has a store; choose another directory, or replace it with --force, which keeps it aside`,
      );
    }
    const now = clock.now();
    const staging = join(dataDir, UNFINISHED_RESTORE);
    // A restore that was broken off has put the store aside, perhaps; then its own is whole and above that.
    const known = [store, join(staging, "store.db")].map(revisionOf);
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging, { mode: 0o700 });
    writeFiles(staging, backup.files);
    const from = firstRevision(backup, Math.max(...known), now);
    const revision = makeRestoredStore(file, join(staging, "store.db"), { from, now });
    for (const name of readdirSync(staging)) synced(join(staging, name));
    synced(staging);
    const setAside = putAside(dataDir, now);
    for (const name of readdirSync(staging).filter((name) => name !== "store.db"))
      renameSync(join(staging, name), join(dataDir, name));
    // The store comes last: until then no server starts.
    renameSync(join(staging, "store.db"), store);
    synced(dataDir);
    rmSync(staging, { recursive: true });
    return { objects: backup.objects.length, at: backup.at, revision, setAside };
  } finally {
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

/** Moves the state that a directory has into a folder of its own there. Undefined when there is none. */
function putAside(dataDir: string, now: Date): string | undefined {
  const names = readdirSync(dataDir).filter((name) => STATE.test(name));
  if (names.length === 0) return undefined;
  const folder = join(dataDir, `before-restore-${now.toISOString().replaceAll(":", "-")}`);
  mkdirSync(folder, { mode: 0o700 });
  // The store goes last: a restore that is broken off here is refused without --force, as this one was.
  const last = names.filter((name) => name.startsWith("store.db"));
  for (const name of [...names.filter((name) => !last.includes(name)), ...last]) {
    renameSync(join(dataDir, name), join(folder, name));
  }
  synced(folder);
  synced(dataDir);
  return folder;
}
