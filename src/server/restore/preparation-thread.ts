import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { backUp, readBackup } from "../storage/backup.ts";
import type { SavedFile } from "../storage/backup-files.ts";
import { firstRevision, makeRestoredStore } from "../storage/restored-store.ts";
import { withDatabase } from "../storage/sqlite-file.ts";
import { type StoredObject, StoreRefused } from "../storage/store.ts";
import { synced } from "../storage/synced.ts";
import type { PreparationAnswer, PreparationOrder } from "./preparation.ts";

/** Runs in a thread of its own, so that reading, checking and copying all there is holds up no request. */

const PORTION = 1_000;

const port = parentPort;
if (!port) throw new Error("preparation-thread runs as a worker thread only");
const tell = (answer: PreparationAnswer) => port.postMessage(answer);

type Order<Task> = Extract<PreparationOrder, { task: Task }>;

function build({ backup: file, store, dataDir, known, now }: Order<"build">): void {
  const backup = readBackup(file);
  refuseOtherKeys(backup.files, dataDir);
  const at = new Date(now);
  const revision = makeRestoredStore(file, store, { from: firstRevision(backup, known, at), now: at });
  synced(store);
  withDatabase(store, { readOnly: true }, (database) => {
    let portion: StoredObject[] = [];
    const rows = database.prepare(
      "SELECT id, resource, key, revision, shape, json FROM objects ORDER BY resource, key",
    );
    for (const row of rows.iterate() as Iterable<StoredObject>) {
      if (portion.push({ ...row }) < PORTION) continue;
      tell({ objects: portion });
      portion = [];
    }
    tell({ objects: portion });
  });
  tell({ built: { revision, at: backup.at.toISOString() } });
}

/** Signed anew where it nears its end, so it says nothing of which server a backup is of. */
const RENEWED = "apiserver.key";

/**
 * A server that runs keeps its keys. What another has signed, such as tokens in Secrets, would be worth nothing here.
 * @throws {StoreRefused}
 */
function refuseOtherKeys(files: readonly SavedFile[], dataDir: string): void {
  for (const { path, content } of files) {
    if (!path.endsWith(".key") || path === RENEWED) continue;
    const own = join(dataDir, path);
    if (existsSync(own) && readFileSync(own).equals(content)) continue;
    throw new StoreRefused(
      `FILE: the backup is of a server with other keys (${path}), which this one cannot take on while it runs; ` +
        `stop it, and restore then`,
    );
  }
}

function save({ dataDir, file, now }: Order<"save">): void {
  backUp({ dataDir, file, overwrite: false, clock: { now: () => new Date(now) }, asServer: true });
  tell({ saved: true });
}

const order = workerData as PreparationOrder;
try {
  if (order.task === "build") build(order);
  else save(order);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (order.task === "save") tell({ error: message, isBackup: false });
  // Nobody else knows of the copy.
  else tell({ error: message.replaceAll(order.backup, "the backup"), isBackup: error instanceof StoreRefused });
}
