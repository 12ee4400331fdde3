import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { SqliteStore } from "./sqlite-store.ts";
import { StateReplaced, type StoredObject, StoreUnavailable } from "./store.ts";

const RESOURCE = "configmaps";
const LEAP = 1_000;
let directory: string;
let store: SqliteStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "slipway-replace-"));
  store = new SqliteStore(join(directory, "store.db"));
  for (const key of ["a", "b"]) await put(store, key);
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function put(to: SqliteStore, key: string): Promise<StoredObject> {
  const metadata: { name: string; resourceVersion?: string } = { name: key };
  return to.exclusively(RESOURCE, key, () => to.put({ resource: RESOURCE, key, shape: "", object: { metadata } }));
}

/** A store of its own that was written far above the other, with the objects `b` and `c`. */
async function another() {
  const file = join(directory, "other.db");
  const other = new SqliteStore(file);
  for (let at = 0; at < LEAP; at++) await put(other, "b");
  await put(other, "c");
  const objects = [...other.list(RESOURCE)];
  const { revision } = other;
  await other.close();
  return { file, objects, revision };
}

const keys = () => store.list(RESOURCE).map(({ key }) => key);

it("takes another state in whole, on disk too, and forgets what led to the old one", async () => {
  const replacement = await another();
  const old = store.revision;
  await store.replace(async () => replacement);
  expect(keys()).toEqual(["b", "c"]);
  expect(store.revision).toBe(replacement.revision);
  expect(store.changesSince(RESOURCE, old)).toBeUndefined();
  expect(store.listAt(RESOURCE, old)).toBeUndefined();
  expect(store.changesSince(RESOURCE, store.revision)).toEqual([]);
  const { revision } = await put(store, "d");
  expect(revision).toBeGreaterThan(replacement.revision);
  await store.close();
  store = new SqliteStore(join(directory, "store.db"));
  expect(keys()).toEqual(["b", "c", "d"]);
  expect(store.revision).toBe(revision);
});

it("tells watches first, then everybody of each object: what was made anew under its name is gone and there", async () => {
  const heard: string[] = [];
  store.onReplaced((before) => heard.push(`replaced after ${before}`));
  store.subscribe(RESOURCE, ({ key, current, previous }) =>
    heard.push(`${key} ${previous ? "was" : "is new"} ${current ? "is" : "gone"}`),
  );
  const before = store.revision;
  const replacement = await another();
  const own = store.get(RESOURCE, "b") as StoredObject;
  await store.replace(async () => replacement);
  const isSame = own.id === replacement.objects[0]?.id;
  expect(isSame).toBe(false);
  expect(heard).toEqual([`replaced after ${before}`, "a was gone", "b was gone", "b is new is", "c is new is"]);
});

it("makes writes durable that came before, and refuses those that come meanwhile", async () => {
  const replacement = await another();
  const early = put(store, "early");
  const replaced = store.replace(async () => {
    expect(keys()).toContain("early");
    await expect(put(store, "late")).rejects.toThrow(StateReplaced);
    return replacement;
  });
  await expect(early).resolves.toMatchObject({ key: "early" });
  await replaced;
  expect(keys()).toEqual(["b", "c"]);
});

it("refuses what work that began before still wants to write, with all its steps, and nothing that begins after", async () => {
  const { promise: replaced, resolve: goOn } = Promise.withResolvers<void>();
  const outcomes = store.inOneState(async () => {
    await replaced;
    return Promise.allSettled([
      put(store, "b"),
      store.exclusively(RESOURCE, "b", () => store.remove(RESOURCE, "b")),
      store.inOneState(() => put(store, "e"), "step"),
      store.inOneState(() => put(store, "f")),
    ]);
  });
  const replacement = await another();
  await store.replace(async () => replacement);
  goOn();
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
  expect(keys()).toEqual(["b", "c", "f"]);
});

it.each([
  { because: "it is not prepared", prepare: () => Promise.reject(new Error("no room")), error: /no room/ },
  {
    because: "its file is none",
    prepare: async () => ({ file: join(directory, "none/x"), objects: [], revision: LEAP }),
    error: StoreUnavailable,
  },
  {
    because: "its versions are not above the store's",
    prepare: async () => ({ file: join(directory, "x"), objects: [], revision: 1 }),
    error: RangeError,
  },
])("stays as it is, and goes on, where the other cannot take its place: $because", async ({ prepare, error }) => {
  await expect(store.replace(prepare)).rejects.toThrow(error);
  expect(keys()).toEqual(["a", "b"]);
  expect(store.fault).toBeUndefined();
  await put(store, "c");
  expect(keys()).toEqual(["a", "b", "c"]);
});

it("is replaced once at a time", async () => {
  const replacement = await another();
  const first = store.replace(async () => replacement);
  await expect(store.replace(async () => replacement)).rejects.toThrow(StateReplaced);
  await first;
});
