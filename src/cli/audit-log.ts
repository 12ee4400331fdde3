import { once } from "node:events";
import { chmodSync, existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { createStream, type RotatingFileStream } from "rotating-file-stream";
import type { Logger } from "../machinery/logger.ts";
import type { AuditEvent } from "../server/observe/audit-event.ts";

const MAX_SIZE = "64M";
/** Full ones that are kept, beside the one that is written. */
const KEPT = 4;
/** Bytes that wait for a slow disk; what comes beyond is lost, and said to be. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Lines gather for so long: a write costs the same for one as for many. A crash loses as much. */
const GATHER_MS = 10;

/** After an error, another attempt is made so much later. */
const REOPEN_MS = 5_000;

/**
 * Appends events to a file of the owner's alone, one JSON line each; a full one becomes NAME.1 and so on. Requests do not wait
 * for it: while the disk fails or is too slow, events are lost, and the log tells how many.
 */
export class AuditLog implements AsyncDisposable {
  readonly #filename: string;
  readonly #logger: Logger;
  #file: RotatingFileStream | undefined;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  /** Monotonic. */
  #toldAt = Number.NEGATIVE_INFINITY;
  #openedAt = 0;

  constructor(filename: string, logger: Logger) {
    this.#filename = filename;
    this.#logger = logger;
  }

  /** Opens the file where it is the first. */
  write(event: AuditEvent): void {
    const mayOpen = !this.#file || (this.#file.destroyed && performance.now() - this.#openedAt >= REOPEN_MS);
    if (mayOpen) this.#file = this.#open();
    if (!this.#file || this.#file.destroyed) this.#lose("the file could not be written");
    else if (this.#file.writableLength + this.#waitingBytes >= MAX_WAITING_BYTES) this.#lose("the disk is too slow");
    else this.#gather(`${JSON.stringify(event)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#file || this.#file.destroyed) return;
    const closed = once(this.#file, "close");
    this.#flush();
    this.#file.end();
    await closed;
  }

  #gather(line: string): void {
    if (this.#waiting.length === 0) setTimeout(() => this.#flush(), GATHER_MS);
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
  }

  #flush(): void {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (lines.length === 0) return;
    this.#file?.write(lines.join(""), (error) => {
      if (error) this.#lose(error.message, lines.length);
    });
  }

  #open(): RotatingFileStream {
    this.#openedAt = performance.now();
    // Made by hand, perhaps, or copied.
    if (existsSync(this.#filename)) chmodSync(this.#filename, 0o600);
    const name = basename(this.#filename);
    const nameOf = (age: number | Date | null) => (age === null ? name : `${name}.${age}`);
    const path = dirname(this.#filename);
    const file = createStream(nameOf, { path, size: MAX_SIZE, rotate: KEPT, mode: 0o600 });
    file.on("warning", (error: Error) => this.#lose(error.message));
    // What was lost by it is told by each write.
    file.on("error", (error: Error) => this.#lose(error.message, 0));
    return file;
  }

  /** Told at most once a minute. */
  #lose(reason: string, events = 1): void {
    this.#lost += events;
    const now = performance.now();
    if (now - this.#toldAt < 60_000) return;
    this.#toldAt = now;
    this.#logger.error("events of the audit log were lost", { reason, lost: this.#lost });
  }
}
