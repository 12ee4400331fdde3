import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LineCutter } from "./line-cutter.ts";
import { systemCode } from "./system-error.ts";

/** What a log may take on disk: `files` times `fileBytes`, and one line more. */
export interface LogBounds {
  readonly fileBytes: number;
  readonly files: number;
}

export const LOG_BOUNDS: LogBounds = { fileBytes: 4 * 1024 * 1024, files: 3 };

/** Longer lines are kept in pieces. */
export const MAX_LOG_LINE_BYTES = 64 * 1024;

export interface LogReading {
  /** Lines from the end; undefined: all that is kept. */
  readonly tail: number | undefined;
  readonly follow: boolean;
  readonly timestamps: boolean;
}

const NAME = /^(\d{8})\.log$/;
const READ_BYTES = 64 * 1024;

/**
 * The log of one workload: a folder of numbered files, the oldest removed as a new one begins. Each line begins with the time
 * at which it was read, RFC 3339.
 */
export class LogFiles {
  readonly #directory: string;
  readonly #bounds: LogBounds;
  readonly #now: () => Date;
  #current: { readonly number: number; readonly file: FileHandle; bytes: number } | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** Replaced, and resolved, whenever there is more to read. */
  #more = Promise.withResolvers<void>();
  #closed = false;

  constructor(directory: string, { now, bounds = LOG_BOUNDS }: { now: () => Date; bounds?: LogBounds }) {
    this.#directory = directory;
    this.#now = now;
    this.#bounds = bounds;
  }

  /** Resolves once they are in the file, so that who waits for it slows down with the disk. */
  async append(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const time = this.#now().toISOString();
    const text = Buffer.from(lines.map((line) => `${time} ${line}\n`).join(""));
    const writing = this.#writing.then(() => this.#write(text));
    this.#writing = writing.catch(() => undefined);
    await writing;
  }

  /** Lines as they were written, without their time unless asked; ends at the end, or follows until `signal`. */
  async *read({ tail, follow, timestamps }: LogReading, signal: AbortSignal): AsyncGenerator<string> {
    const shown = (line: string) => (timestamps ? line : line.slice(line.indexOf(" ") + 1));
    let position = { number: 0, offset: 0 };
    let kept: string[] = [];
    for (const number of await this.#numbers()) {
      const { lines, offset } = await this.#linesFrom(number, 0);
      kept = tail === undefined ? kept.concat(lines) : tail === 0 ? [] : kept.concat(lines).slice(-tail);
      position = { number, offset };
    }
    for (const line of kept) yield shown(line);
    kept = [];
    while (follow && !signal.aborted) {
      // Asked before the reading: what comes in between is then read the next time round.
      const { promise } = this.#more;
      const closed = this.#closed;
      const next = (await this.#numbers()).find((number) => number > position.number);
      const { lines, offset } = await this.#linesFrom(position.number, position.offset, READ_BYTES);
      position.offset = offset;
      for (const line of lines) yield shown(line);
      if (lines.length > 0) continue;
      if (next !== undefined) position = { number: next, offset: 0 };
      else if (closed) return;
      else await endOfWait(promise, signal);
    }
  }

  /** Ends those that follow. What is written stays. */
  async close(): Promise<void> {
    await this.#writing;
    this.#closed = true;
    await this.#current?.file.close();
    this.#current = undefined;
    this.#more.resolve();
  }

  async #write(text: Buffer): Promise<void> {
    if (this.#closed) return;
    if (this.#current && this.#current.bytes >= this.#bounds.fileBytes) {
      await this.#current.file.close();
      this.#current = undefined;
    }
    this.#current ??= await this.#begin();
    await this.#current.file.write(text);
    this.#current.bytes += text.length;
    const { resolve } = this.#more;
    this.#more = Promise.withResolvers<void>();
    resolve();
  }

  async #begin(): Promise<{ number: number; file: FileHandle; bytes: number }> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const numbers = await this.#numbers();
    const number = (numbers.at(-1) ?? 0) + 1;
    for (const old of numbers.slice(0, Math.max(0, numbers.length + 1 - this.#bounds.files))) {
      await rm(this.#path(old), { force: true });
    }
    return { number, file: await open(this.#path(number), "a", 0o600), bytes: 0 };
  }

  async #numbers(): Promise<readonly number[]> {
    const names = await readdir(this.#directory).catch(nothingIfMissing<string[]>([]));
    return names
      .map((name) => Number(NAME.exec(name)?.[1] ?? 0))
      .filter((number) => number > 0)
      .sort((a, b) => a - b);
  }

  /** Whole lines only: half a line at the end is read again with its rest. None where the file is gone. */
  async #linesFrom(
    number: number,
    from: number,
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ lines: string[]; offset: number }> {
    const file = await open(this.#path(number), "r").catch(nothingIfMissing(undefined));
    if (!file) return { lines: [], offset: from };
    try {
      const cutter = new LineCutter();
      const lines: string[] = [];
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      for (let offset = from; ; ) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES, offset);
        lines.push(...cutter.push(Buffer.from(buffer.subarray(0, bytesRead))));
        offset += bytesRead;
        if (bytesRead === 0 || (lines.length > 0 && offset - from >= most)) {
          return { lines, offset: offset - cutter.pendingBytes };
        }
      }
    } finally {
      await file.close();
    }
  }

  #path(number: number): string {
    return join(this.#directory, `${String(number).padStart(8, "0")}.log`);
  }
}

function nothingIfMissing<T>(nothing: T): (error: unknown) => T {
  return (error) => {
    if (systemCode(error) === "ENOENT") return nothing;
    throw error;
  };
}

async function endOfWait(more: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) resolve();
  await Promise.race([more, promise]);
  signal.removeEventListener("abort", stop);
}
