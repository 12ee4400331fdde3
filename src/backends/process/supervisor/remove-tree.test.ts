import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { removeTree } from "./remove-tree.ts";

const MODULE = JSON.stringify(join(import.meta.dirname, "remove-tree.ts"));
/** A user who is nobody's here. */
const USER = { uid: 61_000, gid: 61_000 };

let world: string;
let tree: string;

beforeEach(async () => {
  world = await mkdtemp(join(tmpdir(), "slipway-remove-"));
  await writeFile(join(world, "kept"), "");
  tree = join(world, "tree");
  await mkdir(tree);
});
afterEach(() => rm(world, { recursive: true }));

/** As a workload would: each folder in the one before. */
async function deepen(folders: number): Promise<void> {
  const script = `const name = "x".repeat(100); for (let n = 0; n < ${folders}; n++) { require("fs").mkdirSync(name); process.chdir(name) } require("fs").writeFileSync("last", "")`;
  const [code] = await once(spawn(process.execPath, ["-e", script], { cwd: tree }), "exit");
  expect(code).toBe(0);
}

describe("a tree is removed", () => {
  it("that is not there", async () => {
    await removeTree(join(world, "none"));
    expect(await readdir(world)).toEqual(["kept", "tree"]);
  });

  it("where it is deeper than a path can be long, and no link is followed", async () => {
    await deepen(300);
    await symlink(world, join(tree, "up"));
    await removeTree(tree);
    expect(await readdir(world)).toEqual(["kept"]);
  });

  it("by who is not root, where its program has closed it to writing", async () => {
    const closed = join(tree, "closed", "inner");
    await mkdir(closed, { recursive: true });
    await writeFile(join(closed, "file"), "");
    for (const path of [closed, join(tree, "closed")]) await chmod(path, 0o500);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) {
      for (const path of [world, tree, join(tree, "closed"), closed]) await chown(path, USER.uid, USER.gid);
    }
    const script = `import(${MODULE}).then(({ removeTree }) => removeTree(${JSON.stringify(tree)}))`;
    const child = spawn(process.execPath, ["--no-warnings", "-e", script], {
      ...(isRoot && USER),
      stdio: ["ignore", "ignore", "inherit"],
    });
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(await readdir(world)).toEqual(["kept"]);
  });
});
