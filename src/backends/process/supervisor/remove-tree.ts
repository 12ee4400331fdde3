import { randomBytes } from "node:crypto";
import { chmod, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "./system-error.ts";

/** What the system's own removal does not get past. */
const STUBBORN: ReadonlySet<string> = new Set(["ENAMETOOLONG", "EACCES", "EPERM"]);

/**
 * Removes a folder and all below it; fine where there is none. Unlike `rm` it also removes what a program of this user has
 * closed to writing, as Go does with its modules, and what lies deeper than a path can be long.
 * Nobody may write to it meanwhile.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!STUBBORN.has(systemCode(error) ?? "")) throw error;
    await flatten(path);
    await rm(path, { recursive: true, force: true });
  }
}

/** Brings every folder up to the first level, so that no path grows, and removes it there once it has no folders itself. */
async function flatten(root: string): Promise<void> {
  let moved = 0;
  // Nobody can have guessed it.
  const prefix = randomBytes(16).toString("hex");
  await chmod(root, 0o700);
  const folders = await foldersIn(root);
  for (let name = folders.pop(); name !== undefined; name = folders.pop()) {
    const folder = join(root, name);
    await chmod(folder, 0o700);
    for (const inner of await foldersIn(folder)) {
      await chmod(join(folder, inner), 0o700);
      const free = `${prefix}-${moved++}`;
      await rename(join(folder, inner), join(root, free));
      folders.push(free);
    }
    for (const file of await readdir(folder)) await unlink(join(folder, file));
    await rmdir(folder);
  }
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
