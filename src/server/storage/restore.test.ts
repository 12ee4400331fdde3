import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { backUp } from "./backup.ts";
import { lockDataDirectory } from "./data-directory.ts";
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

/** The key and the objects' keys that a start finds. */
async function found(): Promise<string> {
  lockDataDirectory(dataDir).release();
  const store = new SqliteStore(join(dataDir, "store.db"));
  const keys = store.list("configmaps").map(({ key }) => key);
  await store.close();
  return `${readFileSync(join(dataDir, "ca.key"), "utf8")} ${keys.join()}`;
}

describe("a restore that was broken off", () => {
  /** The old state, and a new one beside it, in a folder of that name. */
  async function brokenOff(name: string): Promise<void> {
    writeFileSync(join(dataDir, "ca.key"), "new");
    const next = join(folder, "next");
    cpSync(dataDir, next, { recursive: true });
    writeFileSync(join(next, "aside"), "before-restore-then");
    const store = new SqliteStore(join(dataDir, "store.db"));
    const put = { resource: "configmaps", key: "a/later", shape: "s", object: { metadata: {} } };
    await store.exclusively("configmaps", "a/later", () => store.put(put));
    await store.close();
    writeFileSync(join(dataDir, "ca.key"), "old");
    renameSync(next, join(dataDir, name));
  }

  it("is forgotten while it was being built", async () => {
    await brokenOff("restoring");
    expect(await found()).toBe("old a/later,a/x");
    expect(readdirSync(dataDir).sort()).toEqual(["ca.key", "lock", "store.db"]);
  });

  it.each([
    { because: "nothing is aside", steps: () => undefined },
    {
      because: "some is aside",
      steps: () => {
        mkdirSync(join(dataDir, "before-restore-then"));
        renameSync(join(dataDir, "store.db"), join(dataDir, "before-restore-then/store.db"));
      },
    },
    {
      because: "some has moved in",
      steps: () => {
        mkdirSync(join(dataDir, "before-restore-then"));
        for (const name of ["store.db", "ca.key"])
          renameSync(join(dataDir, name), join(dataDir, "before-restore-then", name));
        renameSync(join(dataDir, "restored"), join(dataDir, "moving-in"));
        renameSync(join(dataDir, "moving-in/ca.key"), join(dataDir, "ca.key"));
      },
    },
  ])("is completed once it was decided: $because", async ({ steps }) => {
    await brokenOff("restored");
    steps();
    expect(await found()).toBe("new a/x");
    expect(readdirSync(dataDir).sort()).toEqual(["before-restore-then", "ca.key", "lock", "store.db"]);
    expect(readFileSync(join(dataDir, "before-restore-then/ca.key"), "utf8")).toBe("old");
  });
});

it("goes on above what the store had that it replaces, however far ahead of the clock that is", () => {
  const old = backedUp("old.backup");
  restored(old);
  const { revision } = restored(backedUp("new.backup"));
  expect(restored(old).revision).toBeGreaterThan(revision);
});
