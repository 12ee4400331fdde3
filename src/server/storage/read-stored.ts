import { existsSync } from "node:fs";
import { join } from "node:path";
import { reading, withDatabase } from "./sqlite-file.ts";
import { StoreRefused } from "./store.ts";
import { checkFormat, objectChecksum, STORE_ID } from "./store-format.ts";

/** How long it is waited for a server that has the file locked for a moment. */
const BUSY_MS = 10_000;

/**
 * One object of a data directory, read without a server, or beside one that runs; undefined where it is not there. `resource` and
 * `key` are those of `StoredObject`.
 * @throws {StoreRefused} when there is no store, or it is damaged.
 */
export function readStored(dataDir: string, resource: string, key: string): unknown {
  const store = join(dataDir, "store.db");
  if (!existsSync(store)) throw new StoreRefused(`--data-dir: ${dataDir} has no store.db; 'slipway up' makes it`);
  return reading(store, () =>
    withDatabase(store, { readOnly: true, timeout: BUSY_MS }, (database) => {
      checkFormat(database, store, STORE_ID);
      const row = database.prepare("SELECT * FROM objects WHERE resource = ? AND key = ?").get(resource, key);
      if (row === undefined) return undefined;
      const { id, revision, shape, json, crc } = row as unknown as Row;
      if (objectChecksum({ id, resource, key, revision, shape, json }) !== crc) {
        throw new Error("an object does not match its checksum");
      }
      return JSON.parse(json) as unknown;
    }),
  );
}

interface Row {
  readonly id: number;
  readonly revision: number;
  readonly shape: string;
  readonly json: string;
  readonly crc: number;
}
