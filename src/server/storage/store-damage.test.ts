import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { randomFrom } from "../../../test/support/random.ts";
import { loadStore } from "./sqlite-file.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { StoreRefused } from "./store.ts";

/** The long form is for `make soak`. */
const FLIPS = process.env.SLIPWAY_SOAK ? 20_000 : 400;
const RESOURCE = "configmaps";
const PAGE_BYTES = 4096;
const FRAME_BYTES = 24 + PAGE_BYTES;

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-damage-"));
  file = join(directory, "store.db");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function put(store: SqliteStore, key: string, data: string): Promise<void> {
  const object = { metadata: {}, data };
  await store.exclusively(RESOURCE, key, () => store.put({ resource: RESOURCE, key, shape: "s", object }));
}

/** Objects of several pages, replaced and removed ones among them. */
async function fill(store: SqliteStore): Promise<void> {
  for (let at = 0; at < 30; at++) await put(store, `a/${at % 12}`, `${at}`.repeat(300 + at * 10));
  await put(store, "b/long", "long".repeat(4000));
  await store.exclusively(RESOURCE, "a/3", () => store.remove(RESOURCE, "a/3"));
}

/** The directory of a server that was killed: its latest writes are in the log only. */
async function kill(): Promise<void> {
  const store = new SqliteStore(file);
  await fill(store);
  const copies = ["store.db", "store.db-wal", "store.db-open"].map((name) => ({
    name,
    bytes: readFileSync(join(directory, name)),
  }));
  await store.close();
  for (const { name, bytes } of copies) writeFileSync(join(directory, name), bytes);
}

/** Of all that matters: reading leaves an empty log and SQLite's shared memory behind. */
const contents = () =>
  Object.fromEntries(
    readdirSync(directory)
      .filter((name) => !name.endsWith("-shm"))
      .map((name) => [name, crc32(readFileSync(join(directory, name)))])
      .filter(([, sum]) => sum !== 0),
  );

/** A refusal that says what to do and has touched nothing. */
function expectRefusal(message = /cannot be read .*restore a backup with 'slipway restore/): void {
  const before = contents();
  expect(() => loadStore(file)).toThrow(StoreRefused);
  expect(() => loadStore(file)).toThrow(message);
  expect(contents()).toEqual(before);
}

describe("a closed store of which one bit changed", () => {
  it(`is refused and left, or has everything, at any of ${FLIPS} places`, async () => {
    const store = new SqliteStore(file);
    await fill(store);
    await store.close();
    const whole = loadStore(file);
    const bytes = readFileSync(file);
    const random = randomFrom(20_26);
    let refused = 0;
    for (let flip = 0; flip < FLIPS; flip++) {
      // The header and the roots of the tables now and then more often than by chance.
      const position = Math.floor(random() * (flip % 4 === 0 ? 3 * PAGE_BYTES : bytes.length));
      const bit = 1 << Math.floor(random() * 8);
      const damaged = Buffer.from(bytes);
      damaged[position] = (bytes[position] ?? 0) ^ bit;
      writeFileSync(file, damaged);
      for (const rest of ["-shm", "-wal"]) rmSync(file + rest, { force: true });
      const outcome = attempt();
      if (outcome instanceof StoreRefused) {
        refused++;
        expect(readFileSync(file).equals(damaged)).toBe(true);
      } else expect({ position, bit, loaded: outcome }).toEqual({ position, bit, loaded: whole });
    }
    expect(refused).toBeGreaterThan(FLIPS / 4);
  }, 600_000);
});

function attempt() {
  try {
    return loadStore(file);
  } catch (error) {
    return error;
  }
}

describe("a store file that is not as it was left", () => {
  it.each([
    { because: "it is empty", damage: () => writeFileSync(file, "") },
    {
      because: "half of it is gone",
      damage: (bytes: Buffer) => writeFileSync(file, bytes.subarray(0, bytes.length / 2)),
    },
    {
      because: "its last page is gone",
      damage: (bytes: Buffer) => writeFileSync(file, bytes.subarray(0, -PAGE_BYTES)),
    },
    {
      because: "its header is zeros",
      damage: (bytes: Buffer) => writeFileSync(file, Buffer.concat([Buffer.alloc(100), bytes.subarray(100)])),
    },
    {
      because: "a page is zeros",
      damage: (bytes: Buffer) => writeFileSync(file, Buffer.from(bytes).fill(0, PAGE_BYTES, 2 * PAGE_BYTES)),
    },
    {
      because: "it is a text",
      damage: () => writeFileSync(file, "not a database at all, but long enough to look at".repeat(100)),
    },
    { because: "it is a folder's worth of nothing", damage: () => writeFileSync(file, Buffer.alloc(5 * PAGE_BYTES)) },
  ])("is refused because $because", async ({ damage }) => {
    const store = new SqliteStore(file);
    await fill(store);
    await store.close();
    damage(readFileSync(file));
    expectRefusal(/cannot be read|neither a store nor a backup/);
  });

  it.each([
    {
      because: "a newer release wrote it",
      change: "PRAGMA user_version = 99",
      message: /format 99, written by a newer Slipway.*Run the newer release/,
    },
    {
      because: "another application wrote it",
      change: "PRAGMA application_id = 1",
      message: /neither a store nor a backup of Slipway/,
    },
    {
      because: "a row is gone",
      change: "DELETE FROM objects WHERE id = 1; UPDATE changes SET crc = 0",
      message: /checksum/,
    },
  ])("is refused because $because", async ({ change, message }) => {
    const store = new SqliteStore(file);
    await fill(store);
    await store.close();
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA journal_mode = DELETE; ${change}`);
    database.close();
    expectRefusal(message);
  });
});

describe("the log of a killed server", () => {
  beforeEach(kill);

  const log = () => `${file}-wal`;
  const garble = (at: number) => {
    const bytes = readFileSync(log());
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(log(), bytes);
  };

  it("has what was acknowledged", () => {
    const { objects, changes } = loadStore(file);
    expect(objects).toHaveLength(12);
    expect(changes).toHaveLength(32);
  });

  it.each([
    { because: "it is missing", damage: () => rmSync(log()) },
    { because: "its header is damaged", damage: () => garble(20) },
    { because: "its salt is damaged", damage: () => garble(18) },
    { because: "a frame's content is damaged", damage: () => garble(32 + 3 * FRAME_BYTES + 2000) },
    { because: "a frame's checksum is damaged", damage: () => garble(32 + 5 * FRAME_BYTES + 18) },
    { because: "a frame's page number is damaged", damage: () => garble(32 + 5 * FRAME_BYTES + 3) },
    { because: "the store itself is missing", damage: () => rmSync(file) },
    { because: "the store itself is empty", damage: () => writeFileSync(file, "") },
  ])("is refused because $because", ({ damage }) => {
    damage();
    expectRefusal();
  });

  it("may end in half a transaction, as after a power loss", () => {
    const bytes = readFileSync(log());
    writeFileSync(log(), bytes.subarray(0, -1000));
    expect(loadStore(file).changes).toHaveLength(31);
  });

  it("may end in what transactions that failed have left", () => {
    const bytes = readFileSync(log());
    const frames = (bytes.length - 32) / FRAME_BYTES;
    const isCommit = (frame: number) => bytes.readUInt32BE(32 + frame * FRAME_BYTES + 4) > 0;
    const commits = Array.from({ length: frames }, (_, frame) => frame)
      .filter(isCommit)
      .slice(-4);
    // Each begins with a frame that continues something else, and nothing follows the last commit.
    for (const commit of commits.slice(0, 3)) garble(32 + (commit + 1) * FRAME_BYTES + 2000);
    expect(loadStore(file).changes).toHaveLength(29);
  });

  it("belongs to a store that cannot be replaced by an older copy", () => {
    const older = join(directory, "older.db");
    copyFileSync(file, older);
    rmSync(log());
    copyFileSync(older, file);
    rmSync(older);
    expectRefusal();
  });
});

describe("a store that cannot be made", () => {
  it("is refused with what is in its way, and leaves nothing behind", () => {
    const missing = join(directory, "none", "store.db");
    expect(() => loadStore(missing)).toThrow(/none\/store.db cannot be made \(.*ENOENT/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("takes the place of what a broken start has left", async () => {
    writeFileSync(`${file}.new`, "half of a store");
    await new SqliteStore(file).close();
    expect(readdirSync(directory)).toEqual(["store.db"]);
  });
});

describe("a store of format 1", () => {
  it("is brought to this format with all its objects, and counts on", async () => {
    const database = new DatabaseSync(file);
    const json = '{"metadata":{"resourceVersion":"7"}}';
    database.exec(`
      CREATE TABLE objects (id INTEGER PRIMARY KEY, resource TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL,
        shape TEXT NOT NULL, json TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
      CREATE TABLE changes (revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, id INTEGER NOT NULL, resource TEXT NOT NULL,
        key TEXT NOT NULL, deleted INTEGER NOT NULL, previous_revision INTEGER, previous_shape TEXT, previous TEXT,
        previous_crc INTEGER) STRICT;
      INSERT INTO objects VALUES (3, 'configmaps', 'a/x', 7, 's', '${json}', ${crc32(json)});
      INSERT INTO changes VALUES (9, 0, 8, 'configmaps', 'a/y', 1, NULL, NULL, NULL, NULL);
      PRAGMA application_id = ${0x534c5057}; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;`);
    database.close();
    const store = new SqliteStore(file);
    expect(store.get(RESOURCE, "a/x")).toMatchObject({ id: 3, revision: 7, json });
    expect(store.revision).toBe(9);
    // The change of revision 9 is dropped as well, so who has seen 8 must not be told that nothing happened since.
    expect(store.changesSince(RESOURCE, 8)).toBeUndefined();
    expect(store.listAt(RESOURCE, 8)).toBeUndefined();
    expect(store.changesSince(RESOURCE, 9)).toEqual([]);
    await put(store, "a/z", "new");
    expect(store.revision).toBe(10);
    await store.close();
    expect(existsSync(`${file}-open`)).toBe(false);
    expect(loadStore(file).objects).toHaveLength(2);
  });
});
