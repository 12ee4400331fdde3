import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { chown, copyFile, lstat, mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** What a client's file says, and what is kept of it when it is replaced. */
export interface ConfigFile {
  /** Where it really is: a symbolic link stays one. */
  readonly path: string;
  /** Empty where there is none yet. */
  readonly text: string;
  readonly existing: { readonly mode: number; readonly uid: number; readonly gid: number } | undefined;
}

/** Bytes that are read. Such files have a few KiB. */
const LIMIT = 4 * 1024 * 1024;

/** @throws {Error} naming the file and why it is not edited. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const found = await lstat(path).catch(unlessMissing(path));
  if (found === undefined) return { path, text: "", existing: undefined };
  const real = await realpath(path).catch(unlessMissing(path));
  if (real === undefined)
    throw new Error(`${path} is a symbolic link to what does not exist; mend it, or name another with --file`);
  const info = await stat(real);
  if (!info.isFile()) throw new Error(`${real} is no file; name one with --file`);
  if (info.size > LIMIT) throw new Error(`${real} has ${info.size} bytes; at most ${LIMIT} are read`);
  const bytes = await readFile(real).catch(unreadable(real));
  const text = decoded(bytes);
  if (text === undefined) throw new Error(`${real} is not UTF-8; nothing was changed`);
  return { path: real, text, existing: { mode: info.mode & 0o7777, uid: info.uid, gid: info.gid } };
}

/** Whether others than its owner may read or write it. */
export function isShared({ existing }: ConfigFile): boolean {
  return existing !== undefined && (existing.mode & 0o077) !== 0;
}

export interface ReplaceOptions {
  /** Names the copy. */
  readonly now: Date;
  /** Whether the text has something in it that nobody else may read. */
  readonly isSecret: boolean;
}

/**
 * Puts another text in the file's place in one step, after a copy of what was there in the same folder. Answers the copy's
 * path. A new file is its owner's alone, and one that gets a secret becomes so; all others keep their mode, and each copy does.
 * @throws {Error} where the file has changed since it was read, or cannot be written; it is then as it was.
 */
export async function replaceConfigFile(
  file: ConfigFile,
  text: string,
  { now, isSecret }: ReplaceOptions,
): Promise<string | undefined> {
  const { path, existing } = file;
  await mkdir(dirname(path), { recursive: true });
  const backup = existing === undefined ? undefined : await copyOf(path, existing, now);
  const mode = existing === undefined || (isSecret && isShared(file)) ? 0o600 : existing.mode;
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (existing !== undefined) await keepOwner(temporary, existing);
    const unchanged = (await readConfigFile(path)).text === file.text;
    if (!unchanged) throw new Error(`${path} was changed by somebody else just now; try again`);
    await rename(temporary, path);
    return backup;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function copyOf(
  path: string,
  { mode, uid, gid }: NonNullable<ConfigFile["existing"]>,
  now: Date,
): Promise<string> {
  const backup = `${path}.${now.toISOString().replaceAll(":", "-")}.bak`;
  await copyFile(path, backup, constants.COPYFILE_EXCL);
  const handle = await open(backup, "r");
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
  await keepOwner(backup, { uid, gid });
  return backup;
}

/** Root edits for others; anybody else owns what they write anyway. */
async function keepOwner(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, uid, gid);
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function unlessMissing(path: string) {
  return (error: NodeJS.ErrnoException): undefined => {
    if (error.code === "ENOENT") return undefined;
    return unreadable(path)(error);
  };
}

function unreadable(path: string) {
  return ({ code }: NodeJS.ErrnoException): never => {
    throw new Error(`${path} cannot be read (${code}); name another with --file`);
  };
}
