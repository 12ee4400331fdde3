import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { lockDataDirectory } from "./data-directory.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { type Change, StoreRefused } from "./store.ts";

const RESOURCE = "configmaps";
let directory: string;
let file: string;
let open: SqliteStore[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-store-"));
  file = join(directory, "store.db");
  open = [];
});

afterEach(async () => {
  for (const store of open) await store.close();
  rmSync(directory, { recursive: true, force: true });
});

function openStore(limits?: ConstructorParameters<typeof SqliteStore>[1]): SqliteStore {
  const store = limits ? new SqliteStore(file, limits) : new SqliteStore(file);
  open.push(store);
  return store;
}

async function put(store: SqliteStore, key: string, data: unknown = {}): Promise<number> {
  const metadata: { name: string; resourceVersion?: string } = { name: key };
  const object = { metadata, data };
  const { revision } = await store.exclusively(RESOURCE, key, () =>
    store.put({ resource: RESOURCE, key, shape: "", object }),
  );
  return revision;
}

async function remove(store: SqliteStore, key: string): Promise<number> {
  return store.exclusively(RESOURCE, key, () => store.remove(RESOURCE, key));
}

const keysOf = (objects: readonly { key: string }[] | undefined) => objects?.map(({ key }) => key);

describe("SqliteStore", () => {
  it("shows a write once it is durable, with its revision in the object", async () => {
    const store = openStore();
    const writing = put(store, "a/x");
    expect(store.get(RESOURCE, "a/x")).toBeUndefined();
    const revision = await writing;
    expect(store.revision).toBe(revision);
    expect(JSON.parse(store.get(RESOURCE, "a/x")?.json ?? "")).toMatchObject({
      metadata: { resourceVersion: String(revision) },
    });
  });

  it("keeps everything over a restart, and goes on counting", async () => {
    const first = openStore();
    await Promise.all(["a/1", "a/2", "b/1"].map((key) => put(first, key)));
    const last = await remove(first, "a/2");
    await first.close();
    const second = openStore();
    expect(keysOf(second.list(RESOURCE))).toEqual(["a/1", "b/1"]);
    expect(second.revision).toBe(last);
    expect(await put(second, "c/1")).toBeGreaterThan(last);
  });

  it("lists in the order of keys, one namespace or all", async () => {
    const store = openStore();
    await Promise.all(["a-b/x", "a/z", "a/y", "b/a", "a0/x"].map((key) => put(store, key)));
    expect(keysOf(store.list(RESOURCE))).toEqual(["a-b/x", "a/y", "a/z", "a0/x", "b/a"]);
    expect(keysOf(store.list(RESOURCE, "a"))).toEqual(["a/y", "a/z"]);
  });

  it.each([
    { because: "in one life", restart: false },
    { because: "after a restart", restart: true },
  ])("rebuilds any recent revision $because", async ({ restart }) => {
    let store = openStore();
    await put(store, "a/kept", 1);
    const before = await put(store, "a/gone", 1);
    await put(store, "a/kept", 2);
    await remove(store, "a/gone");
    await put(store, "a/new", 1);
    if (restart) {
      await store.close();
      store = openStore();
    }
    const past = store.listAt(RESOURCE, before);
    expect(keysOf(past)).toEqual(["a/gone", "a/kept"]);
    expect(past?.map(({ json }) => JSON.parse(json).data)).toEqual([1, 1]);
    const changes = store.changesSince(RESOURCE, before) ?? [];
    expect(changes.map(({ key, current, previous }) => [key, current !== undefined, previous !== undefined])).toEqual([
      ["a/kept", true, true],
      ["a/gone", false, true],
      ["a/new", true, false],
    ]);
  });

  it("announces changes in the order of their revisions, once each", async () => {
    const store = openStore();
    const seen: Change[] = [];
    store.subscribe(RESOURCE, (change) => seen.push(change));
    store.subscribe("other", (change) => seen.push(change));
    await Promise.all(Array.from({ length: 50 }, (_, index) => put(store, `a/${index}`)));
    const revisions = seen.map(({ revision }) => revision);
    expect(revisions).toHaveLength(50);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
  });

  it("lets one writer at a time at a key, so that no update is lost", async () => {
    const store = openStore();
    await put(store, "a/x", 0);
    const increment = () =>
      store.exclusively(RESOURCE, "a/x", async () => {
        const { data } = JSON.parse(store.get(RESOURCE, "a/x")?.json ?? "");
        await store.put({
          resource: RESOURCE,
          key: "a/x",
          shape: "",
          object: { metadata: {}, data: data + 1 } as never,
        });
      });
    await Promise.all(Array.from({ length: 40 }, increment));
    expect(JSON.parse(store.get(RESOURCE, "a/x")?.json ?? "").data).toBe(40);
  });

  it("says so when a revision is too old to go back to", async () => {
    const store = openStore();
    await put(store, "a/x");
    expect(store.changesSince(RESOURCE, -1)).toBeUndefined();
    expect(store.listAt(RESOURCE, -1)).toBeUndefined();
  });

  it("forgets at once what a burst of writes leaves beyond its bounds, in the file too", async () => {
    const store = openStore({ maxAgeMs: 60_000, maxBytes: 10_000, maxChanges: 1000 });
    const first = await put(store, "a/x", "x".repeat(1000));
    for (let at = 0; at < 60; at++) await put(store, "a/x", `${at}`.padEnd(1000, "."));
    expect(store.changesSince(RESOURCE, first)).toBeUndefined();
    expect(store.listAt(RESOURCE, first)).toBeUndefined();
    expect(store.changesSince(RESOURCE, store.revision - 3)).toHaveLength(3);
    await store.close();
    const again = openStore();
    expect(again.compactedRevision).toBeGreaterThan(40);
    expect(again.compactedRevision).toBeLessThan(60);
  });

  it("stores what etcd would, and no larger object", async () => {
    const store = openStore();
    const room = 1.5 * 1024 * 1024 - 100;
    await put(store, "a/x", "x".repeat(room));
    await expect(put(store, "a/y", "x".repeat(room + 200))).rejects.toThrow("etcdserver: request is too large");
    await expect(put(store, "a/y", "ä".repeat(room / 2 + 100))).rejects.toThrow("etcdserver: request is too large");
    expect(keysOf(store.list(RESOURCE))).toEqual(["a/x"]);
  });

  it("takes many large objects at once", async () => {
    const store = openStore();
    await Promise.all(Array.from({ length: 100 }, (_, at) => put(store, `a/${at}`, "x".repeat(1_500_000))));
    expect(store.list(RESOURCE)).toHaveLength(100);
    expect(store.fault).toBeUndefined();
  });

  it("refuses a file of a newer release, and leaves it", async () => {
    await openStore().close();
    const database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 99");
    database.close();
    const before = readFileSync(file);
    expect(() => new SqliteStore(file)).toThrow(/newer Slipway/);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it.each([
    {
      because: "it is something else",
      damage: () => writeFileSync(file, "not a database at all, but long enough to look at".repeat(40)),
    },
    { because: "it is cut short", damage: () => truncateSync(file, Math.floor(statSync(file).size / 2)) },
    { because: "a byte of an object changed", damage: () => flip(file, "precious") },
  ])("refuses a file because $because, and leaves it", async ({ damage }) => {
    const store = openStore();
    await put(store, "a/x", "precious".repeat(3000));
    await store.close();
    damage();
    const before = readFileSync(file);
    expect(() => new SqliteStore(file)).toThrow(StoreRefused);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("is private to its user", async () => {
    const lock = lockDataDirectory(directory);
    await put(openStore(), "a/x");
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of ["store.db", "store.db-wal", "lock"]) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    lock.release();
  });

  it("says so where no directory can be made", () => {
    expect(() => lockDataDirectory("/proc/slipway/data")).toThrow(/^\/proc\/slipway\/data cannot be used .*ENOENT/);
  });

  it("lets no second server at a directory", () => {
    const lock = lockDataDirectory(directory);
    expect(() => lockDataDirectory(directory)).toThrow(/in use by another Slipway/);
    lock.release();
    lockDataDirectory(directory).release();
  });
});

/** Changes one letter of `word` wherever it stands in the file. */
function flip(path: string, word: string): void {
  const bytes = readFileSync(path);
  bytes.write("P", bytes.indexOf(word));
  writeFileSync(path, bytes);
}
