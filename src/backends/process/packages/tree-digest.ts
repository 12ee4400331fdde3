import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * Digest of all files below `directory`: their paths, contents, whether they can be run, and where links lead. Two trees with
 * one digest are the same to who only reads them. @throws {Error} for what is neither file, folder nor link.
 */
export async function treeDigest(directory: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const { path, kind } of entriesOf(directory, "", signal)) {
    const file = join(directory, path);
    if (kind === "folder") hash.update(`folder ${JSON.stringify(path)}\n`);
    else if (kind === "link") hash.update(`link ${JSON.stringify([path, await readlink(file)])}\n`);
    else hash.update(`file ${JSON.stringify([path, await fileDigest(file), await isRunnable(file)])}\n`);
  }
  return hash.digest("hex");
}

/** Lets every user read a tree, and only us change it, whatever the umask and the archives said. */
export async function openToReaders(directory: string, signal: AbortSignal): Promise<void> {
  await chmod(directory, 0o755);
  for await (const { path, kind } of entriesOf(directory, "", signal)) {
    const file = join(directory, path);
    if (kind === "folder") await chmod(file, 0o755);
    if (kind === "file") await chmod(file, (await isRunnable(file)) ? 0o755 : 0o644);
  }
}

interface TreeEntry {
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
}

async function* entriesOf(root: string, below: string, signal: AbortSignal): AsyncGenerator<TreeEntry> {
  signal.throwIfAborted();
  const entries = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isSymbolicLink()) yield { path, kind: "link" };
    else if (entry.isFile()) yield { path, kind: "file" };
    else if (!entry.isDirectory()) throw new Error(`${path} is neither a file nor a folder`);
    else {
      yield { path, kind: "folder" };
      yield* entriesOf(root, path, signal);
    }
  }
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("base64");
}

async function isRunnable(file: string): Promise<boolean> {
  return ((await lstat(file)).mode & 0o100) !== 0;
}
