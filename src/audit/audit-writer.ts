import { randomBytes } from "node:crypto";
import { backoffMs, jittered } from "../machinery/backoff.ts";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Runnable } from "../machinery/runnable.ts";
import type { ApprovalLog } from "./approval-log.ts";
import type { AuditEntry } from "./audit-entry.ts";
import { AuditFile, FileChanged } from "./audit-file.ts";
import { type ChainTip, formatLine } from "./audit-line.ts";
import type { AuditKeys, AuditSecrets } from "./audit-secrets.ts";
import { HeadKeeper } from "./head-keeper.ts";

const RETRY_BASE_MS = 250;
const RETRY_CAP_MS = 30_000;
/** An API server that is gone keeps no process; the next start counts what is on disk. */
const HEAD_GRACE_MS = 5_000;

export interface AuditWriterOptions {
  readonly log: ApprovalLog;
  readonly secrets: AuditSecrets;
  /** Absent: lines are only printed. */
  readonly path?: string;
  /** Resolves when the text was taken. Absent: lines go only to the file. */
  readonly print?: (text: string) => Promise<void>;
  /** Of the process, for people. */
  readonly identity: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What lines are written with. */
interface Chain {
  readonly file: AuditFile | undefined;
  readonly keys: AuditKeys;
  tip: ChainTip;
  /** What the log has to tell of itself before anything else. */
  notes: AuditEntry[];
}

/**
 * Writes a log in groups: to the file, with fsync, then to standard output, then its count to the Secret. So the count never runs
 * ahead of the disk, and a process that is killed leaves at most lines that were not counted, and one that was begun.
 * A chain begins with the first event: an idle replica leaves nothing.
 */
export class AuditWriter implements Runnable {
  readonly name = "audit log";
  readonly #options: AuditWriterOptions;
  readonly #head: HeadKeeper;
  #chain: Chain | undefined;

  constructor(options: AuditWriterOptions) {
    this.#options = options;
    this.#head = new HeadKeeper({ ...options, isFile: options.path !== undefined });
  }

  /** Writes what waits before it ends; what cannot be written by then is lost, and logged. */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const { log } = this.#options;
    try {
      // An existing log is looked at whether anything happens or not.
      if (this.#options.path !== undefined) await this.#untilDone(() => this.#look(abort), stop);
      while (!stop.aborted) {
        await log.filled(stop);
        await this.#write(stop, abort);
      }
      while (log.health.waiting > 0 && !abort.aborted) await this.#write(stop, abort);
      await Promise.race([this.#head.flush(), delay(this.#options.clock, HEAD_GRACE_MS, abort)]);
    } finally {
      await this.#close();
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { path } = this.#options;
    if (path === undefined || !(await AuditFile.exists(path))) return;
    this.#chain = await this.#open(signal);
    if (this.#chain.notes.length > 0) await this.#append([], signal);
  }

  async #write(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const group = log.take();
    if (group.length === 0) return;
    const own = group.filter(({ type, part }) => part === "audit" && type === "Lost").length;
    const isDone = await this.#untilDone(() => this.#append(group, abort), stop);
    if (isDone) log.wrote(group.length - own);
    else log.gaveUp(group.length - own, "the process ends");
  }

  /** Repeats `work` until it succeeds, once more after `stop` was raised, and answers whether it did. */
  async #untilDone(work: () => Promise<void>, stop: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    for (let failures = 0; ; failures++) {
      const isLast = stop.aborted;
      try {
        await work();
        return true;
      } catch (error) {
        // What a failed write left is known only after another look. What is only printed goes on where it stands.
        if (this.#options.path !== undefined) await this.#close();
        // Somebody moved the log away, to begin another: nothing is wrong with that.
        if (error instanceof FileChanged && failures === 0) continue;
        log.fails(error instanceof Error ? error.message : String(error));
        if (isLast) return false;
        await delay(clock, jittered(backoffMs(failures, RETRY_BASE_MS, RETRY_CAP_MS)), stop);
      }
    }
  }

  async #append(group: readonly AuditEntry[], signal: AbortSignal): Promise<void> {
    this.#chain ??= await this.#open(signal);
    const { file, keys, notes } = this.#chain;
    let { tip } = this.#chain;
    const lines = [...notes, ...group].map((entry) => {
      const next = formatLine(entry, tip, keys[0]);
      tip = next.tip;
      return next.line;
    });
    await file?.append(lines, notes.length > 0);
    await this.#print(lines.map((line) => `${line}\n`).join(""));
    this.#chain.notes = [];
    this.#chain.tip = tip;
    this.#head.move(tip, signal);
  }

  /** Where a file has the lines, a reader of standard output who has gone stops nothing. */
  async #print(text: string): Promise<void> {
    const { print, path, logger } = this.#options;
    if (!print) return;
    try {
      await print(text);
    } catch (error) {
      if (path === undefined) throw error;
      logger.warn("lines of the audit log were not printed", { why: error instanceof Error ? error.message : "" });
    }
  }

  async #open(signal: AbortSignal): Promise<Chain> {
    const { secrets, path, clock, logger } = this.#options;
    // A count that is under way must not be read as it was before.
    await this.#head.flush();
    const keys = await secrets.keys(signal);
    const heads = await secrets.heads(signal);
    const opened = path === undefined ? undefined : await AuditFile.open(path, { keys, heads }, clock.now());
    if (opened?.setAside) {
      const { path: aside, problem } = opened.setAside;
      logger.error("the audit log of approvals is not whole, and was put aside", {
        ...{ path: aside, line: problem.line, problem: problem.message },
      });
    }
    if (opened?.tip) {
      this.#head.move(opened.tip, signal);
      const notes = opened.torn === undefined ? [] : [this.#note("Healed", tornReason(opened.torn))];
      return { file: opened.file, keys, tip: opened.tip, notes };
    }
    const tip = { chain: randomBytes(8).toString("hex"), seq: 0, mac: "" };
    await secrets.prune(heads, signal);
    // Known of before it has a line: one that nobody knows of is foreign.
    await secrets.setHead({ ...tip, isFile: path !== undefined, at: clock.now().toISOString() }, signal);
    return { file: opened?.file, keys, tip, notes: [this.#note("ChainStarted", this.#beginning(opened?.setAside))] };
  }

  #beginning(setAside: { path: string; problem: { line: number | undefined; message: string } } | undefined): string {
    const begun = `by ${this.#options.identity}`;
    if (!setAside) return begun;
    const { line, message } = setAside.problem;
    return `${begun}; the log before it is not whole and was put aside: ${line === undefined ? "" : `line ${line} `}${message}`;
  }

  #note(type: string, reason: string): AuditEntry {
    return { type, at: this.#options.clock.now(), part: "audit", who: [], reason };
  }

  async #close(): Promise<void> {
    const file = this.#chain?.file;
    this.#chain = undefined;
    await file?.close().catch((error: Error) => {
      this.#options.logger.debug("the audit log was not closed", { error: error.message });
    });
  }
}

function tornReason(torn: string): string {
  return `the process ended while it wrote a line, which began: ${torn.slice(0, 512)}`;
}
