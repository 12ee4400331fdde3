import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { configure } from "./sqlite-file.ts";
import type { WorkerAnswer, WorkerOrder } from "./sqlite-orders.ts";

/** Runs in a thread of its own, so that fsync holds up nobody: one transaction for each batch it is sent. */

const port = parentPort;
if (!port) throw new Error("sqlite-worker runs as a worker thread only");

const database = new DatabaseSync((workerData as { file: string }).file);
configure(database);

const insert = database.prepare(
  "INSERT INTO objects (id, resource, key, revision, shape, json, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
);
const update = database.prepare("UPDATE objects SET revision = ?, shape = ?, json = ?, crc = ? WHERE id = ?");
const remove = database.prepare("DELETE FROM objects WHERE id = ?");
const logCreate = database.prepare(
  "INSERT INTO changes (revision, at, id, resource, key, deleted) VALUES (?, ?, ?, ?, ?, 0)",
);
const logReplace = database.prepare(`
  INSERT INTO changes (revision, at, id, resource, key, deleted, previous_revision, previous_shape, previous, previous_crc)
  SELECT ?, ?, id, resource, key, ?, revision, shape, json, crc FROM objects WHERE id = ?`);
const compact = database.prepare("DELETE FROM changes WHERE revision <= ?");

function commit({ writes, compactTo }: Extract<WorkerOrder, { type: "commit" }>): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const at = Date.now();
    for (const { id, revision, resource, key, shape, json } of writes) {
      if (json !== undefined && id === revision) {
        insert.run(id, resource, key, revision, shape, json, crc32(json));
        logCreate.run(revision, at, id, resource, key);
      } else {
        const { changes } = logReplace.run(revision, at, json === undefined ? 1 : 0, id);
        if (changes !== 1) throw new Error(`${resource} ${key} is not in the file`);
        if (json === undefined) remove.run(id);
        else update.run(revision, shape, json, crc32(json), id);
      }
    }
    if (compactTo !== undefined) compact.run(compactTo);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

port.on("message", (order: WorkerOrder) => {
  let answer: WorkerAnswer = {};
  try {
    if (order.type === "commit") commit(order);
    else database.close();
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(answer);
  if (order.type === "close") port.close();
});
