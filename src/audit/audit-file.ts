import { constants, type Stats } from "node:fs";
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ChainTip } from "./audit-line.ts";
import type { ChainProblem } from "./chain-check.ts";
import { checkFile, type Known } from "./check-file.ts";

/** What an `open` found. */
export interface OpenedFile {
  readonly file: AuditFile;
  /** Where the chain goes on; undefined: a new one begins. */
  readonly tip: ChainTip | undefined;
  /** The beginning of a line that was being written when the process ended; the next write takes its place. */
  readonly torn: string | undefined;
  /** Where a log that is not whole was put. */
  readonly setAside: { readonly path: string; readonly problem: ChainProblem } | undefined;
}

/** Another process has written to the file, or put one in its place. */
export class FileChanged extends Error {
  override readonly name = "FileChanged";
}

/** A file of one chain, of the owner's alone, which one process at a time appends to. */
export class AuditFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #bytes: number;

  private constructor(path: string, file: FileHandle, bytes: number) {
    this.#path = path;
    this.#file = file;
    this.#bytes = bytes;
  }

  static async exists(path: string): Promise<boolean> {
    return (await statOf(path)) !== undefined;
  }

  /**
   * Opens or makes the file and reads all of it. One that is not whole is never written to: it is put aside, with `now` in its
   * name, and a new one made. @throws what the file system says.
   */
  static async open(path: string, known: Known, now: Date): Promise<OpenedFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      // Made by hand, perhaps, or copied.
      await handle.chmod(0o600);
      const { tip, problems, bytes, torn } = await checkFile(handle, known);
      const [problem] = problems;
      if (!problem) {
        await syncFolder(path);
        return { file: new AuditFile(path, handle, bytes), tip, torn, setAside: undefined };
      }
      const aside = `${path}.damaged-${now.toISOString().replaceAll(":", "-")}`;
      await rename(path, aside);
      await handle.close();
      return { ...(await AuditFile.open(path, known, now)), setAside: { path: aside, problem } };
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Appends whole lines and waits until they are on disk. `isFirst`: a torn line may stand behind what counts.
   * @throws {FileChanged} before anything is written. @throws what the file system says; then it takes another `open` to
   * know what is there.
   */
  async append(lines: readonly string[], isFirst: boolean): Promise<void> {
    await this.#assertUnchanged(isFirst);
    const data = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    try {
      await this.#write(data);
      // Also cuts what is left of a torn line that was longer.
      await this.#file.truncate(this.#bytes + data.length);
      await this.#file.datasync();
      this.#bytes += data.length;
    } catch (error) {
      // A full disk leaves the beginning of a line. Where this fails, too, the next `open` finds it.
      await this.#file.truncate(this.#bytes).catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(data: Buffer): Promise<void> {
    for (let written = 0; written < data.length; ) {
      const { bytesWritten } = await this.#file.write(data, written, data.length - written, this.#bytes + written);
      written += bytesWritten;
    }
  }

  async #assertUnchanged(isFirst: boolean): Promise<void> {
    const own = await this.#file.stat();
    const there = await statOf(this.#path);
    if (there?.ino !== own.ino || there.dev !== own.dev) throw new FileChanged(`${this.#path} was put elsewhere`);
    if (own.size < this.#bytes || (own.size > this.#bytes && !isFirst)) {
      throw new FileChanged(`${this.#path} was written to by somebody else`);
    }
  }
}

/** Undefined where nothing is there. */
async function statOf(path: string): Promise<Stats | undefined> {
  return await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
}

/** So that a new file survives power loss. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
