import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { WorkerAnswer, WorkerOrder } from "./sqlite-orders.ts";
import { changeChecksum, configure, objectChecksum } from "./store-format.ts";
import { markClosed, markOpen } from "./write-ahead-log.ts";

/** Runs in a thread of its own, so that fsync holds up nobody: one transaction for each batch it is sent. */

const port = parentPort;
if (!port) throw new Error("sqlite-worker runs as a worker thread only");

const { file } = workerData as { file: string };
const database = new DatabaseSync(file);
configure(database);
markOpen(file);

const insert = database.prepare(
  "INSERT INTO objects (id, resource, key, revision, shape, json, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
);
const update = database.prepare("UPDATE objects SET revision = ?, shape = ?, json = ?, crc = ? WHERE id = ?");
const remove = database.prepare("DELETE FROM objects WHERE id = ?");
const logCreate = database.prepare(
  "INSERT INTO changes (revision, at, id, resource, key, deleted, crc) VALUES (?, ?, ?, ?, ?, 0, ?)",
);
const logReplace = database.prepare(`
  INSERT INTO changes (revision, at, id, resource, key, deleted, previous_revision, previous_shape, previous, previous_crc, crc)
  SELECT ?, ?, id, resource, key, ?, revision, shape, json, crc, ? FROM objects WHERE id = ?`);
const compact = database.prepare("DELETE FROM changes WHERE revision <= ?");

function commit({ writes, compactTo }: Extract<WorkerOrder, { type: "commit" }>): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const at = Date.now();
    for (const { id, revision, resource, key, shape, json } of writes) {
      const deleted = json === undefined ? 1 : 0;
      const changeCrc = changeChecksum({ revision, at, id, resource, key, deleted });
      const crc = json === undefined ? 0 : objectChecksum({ id, resource, key, revision, shape, json });
      if (json !== undefined && id === revision) {
        insert.run(id, resource, key, revision, shape, json, crc);
        logCreate.run(revision, at, id, resource, key, changeCrc);
      } else {
        const { changes } = logReplace.run(revision, at, deleted, changeCrc, id);
        if (changes !== 1) throw new Error(`${resource} ${key} is not in the file`);
        if (json === undefined) remove.run(id);
        else update.run(revision, shape, json, crc, id);
      }
    }
    if (compactTo !== undefined) compact.run(compactTo);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** All of the store by all of another, in one transaction: whoever starts after a crash finds the one or the other. */
function replace({ file: other }: Extract<WorkerOrder, { type: "replace" }>): void {
  database.prepare("ATTACH ? AS other").run(other);
  try {
    database.exec(`BEGIN IMMEDIATE;
      DELETE FROM main.objects; INSERT INTO main.objects SELECT * FROM other.objects;
      DELETE FROM main.changes; INSERT INTO main.changes SELECT * FROM other.changes;
      COMMIT`);
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  } finally {
    database.exec("DETACH other");
  }
}

function close(): void {
  markClosed(file);
  database.close();
}

port.on("message", (order: WorkerOrder) => {
  let answer: WorkerAnswer = {};
  try {
    if (order.type === "commit") commit(order);
    else if (order.type === "replace") replace(order);
    else close();
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(answer);
  if (order.type === "close") port.close();
});
