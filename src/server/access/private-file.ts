import { randomBytes } from "node:crypto";
import { link, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Creates a file that only its owner may read, whole or not at all, and on disk when this resolves: a crash leaves no
 * half of it under its name. Resolves to false, and changes nothing, when there is one already.
 */
export async function createPrivateFile(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
    // Unlike a rename, a link never replaces what another process has made in the meantime.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await file.close();
    await unlink(temporary);
  }
  await syncDirectory(dirname(path));
  return true;
}

/** Makes a creation or removal in the directory survive power loss. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
