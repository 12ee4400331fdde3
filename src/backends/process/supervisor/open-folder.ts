import { constants } from "node:fs";
import { open, readlink, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ProcessUser } from "./process-spec.ts";
import { systemCode } from "./system-error.ts";

/** A folder that is held open, so that it stays the one that was judged, wherever its path leads later. */
export interface OpenFolder extends AsyncDisposable {
  /** To start a process in; good until the disposal. */
  readonly path: string;
  /** Where it lies, without links. */
  readonly realPath: string;
  /** Whether the user cannot come to it by itself. */
  readonly isClosed: boolean;
}

const OTHERS_PASS = 0o001;

/**
 * Undefined where there is no such folder. Whether `user` may have it the kernel does not ask: a process is put into its folder
 * before it becomes that user, and would have from there what lies in it, whatever is closed above.
 */
export async function openFolder(path: string, user: ProcessUser | undefined): Promise<OpenFolder | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch(nothingIfMissing);
  if (!file) return undefined;
  try {
    const held = `/proc/self/fd/${file.fd}`;
    const realPath = await readlink(held);
    const isClosed = user !== undefined && !(await canPass(realPath, user));
    return { path: held, realPath, isClosed, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Such a user is in no group of others and on no list of access. */
async function canPass(path: string, { uid }: ProcessUser): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid: owner } = await stat(folder);
    if (owner !== uid && (mode & OTHERS_PASS) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

const MISSING: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"]);

function nothingIfMissing(error: unknown): undefined {
  if (!MISSING.has(systemCode(error) ?? "")) throw error;
}
