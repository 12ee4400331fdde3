import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { backUp } from "./backup.ts";
import { UNFINISHED_RESTORE } from "./data-directory.ts";
import { type RestoreSummary, restore } from "./restore.ts";
import { SqliteStore } from "./sqlite-store.ts";

let folder: string;
let dataDir: string;
let ms: number;
const clock = { now: () => new Date(Date.UTC(2026, 0, 2) + ms++) };

beforeEach(async () => {
  ms = 0;
  folder = mkdtempSync(join(tmpdir(), "slipway-restore-"));
  dataDir = join(folder, "data");
  mkdirSync(dataDir, { mode: 0o700 });
  const store = new SqliteStore(join(dataDir, "store.db"));
  const put = { resource: "configmaps", key: "a/x", shape: "s", object: { metadata: {} } };
  await store.exclusively("configmaps", "a/x", () => store.put(put));
  await store.close();
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function backedUp(name: string): string {
  const file = join(folder, name);
  backUp({ dataDir, file, overwrite: false, clock });
  return file;
}

const restored = (file: string): RestoreSummary => restore({ file, dataDir, overwrite: true, clock });

it("goes on above what a restore that was broken off found, although that is aside by now", () => {
  const old = backedUp("old.backup");
  restored(old);
  // Later than the clock says: a backup of a restored store leaps ahead of time.
  const { revision } = restored(backedUp("new.backup"));
  mkdirSync(join(dataDir, UNFINISHED_RESTORE));
  renameSync(join(dataDir, "store.db"), join(dataDir, UNFINISHED_RESTORE, "store.db"));
  expect(restored(old).revision).toBeGreaterThan(revision);
});
