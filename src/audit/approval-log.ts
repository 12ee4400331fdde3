import type { ApprovalAudit, ApprovalRecord } from "../controllers/approval/audit.ts";
import type { Clock } from "../machinery/clock.ts";
import { Fifo } from "../machinery/fifo.ts";
import type { Logger } from "../machinery/logger.ts";
import { type AuditEntry, entryOf } from "./audit-entry.ts";

/** Events that wait for the disk, some tens of megabytes at the most. */
const MAX_WAITING = 10_000;
/** What goes to disk at once, so that a slow disk delays none of them by much. */
const GROUP = 256;
/** A loss is logged this often. */
const TELL_EVERY_MS = 60_000;

export interface ApprovalLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Since the process began. */
export interface AuditTotals {
  readonly written: number;
  readonly lost: number;
  /** Attempts to write that failed. */
  readonly failures: number;
}

/** Whether the log takes what happens. */
export interface AuditHealth {
  readonly isWritten: boolean;
  /** What is wrong, for people. */
  readonly message: string | undefined;
  /** Events that wait. */
  readonly waiting: number;
}

/** Somebody who waits. */
interface Settling {
  /** Until so many of those that were recorded are settled. */
  readonly upTo: number;
  /** Or until the log cannot be written. */
  readonly untilTrouble: boolean;
  readonly resolve: () => void;
}

/**
 * Where events of approvals are handed in. They wait here for the writer; what there is no room for is counted, and the count is
 * an event itself as soon as there is.
 */
export class ApprovalLog implements ApprovalAudit {
  readonly #options: ApprovalLogOptions;
  readonly #waiting = new Fifo<AuditEntry>();
  readonly #listeners: ((problem: string | undefined) => void)[] = [];
  readonly #settling = new Set<Settling>();
  #wake = Promise.withResolvers<void>();
  #recorded = 0;
  #settled = 0;
  #lost = 0;
  /** Monotonic. */
  #toldMs = Number.NEGATIVE_INFINITY;
  #problem: string | undefined;
  #totals: AuditTotals = { written: 0, lost: 0, failures: 0 };

  constructor(options: ApprovalLogOptions) {
    this.#options = options;
  }

  record(record: ApprovalRecord): void {
    this.append(entryOf(record));
  }

  /** Returns at once; never throws. */
  append(entry: AuditEntry): void {
    if (this.#waiting.size >= MAX_WAITING) {
      this.#lose(1, "too many wait");
      return;
    }
    this.#recorded += 1;
    this.#waiting.push(entry);
    this.#wake.resolve();
  }

  get health(): AuditHealth {
    return { isWritten: this.#problem === undefined, message: this.#problem, waiting: this.#waiting.size };
  }

  get totals(): AuditTotals {
    return this.#totals;
  }

  /**
   * Resolves when what was handed in so far is on disk, lost and counted, or when `signal` is raised. For who must not go on
   * before it is.
   */
  async settled(signal: AbortSignal): Promise<void> {
    await this.#wait(signal, false);
  }

  async written(signal: AbortSignal): Promise<void> {
    if (this.#problem === undefined) await this.#wait(signal, true);
  }

  onTrouble(listener: (problem: string | undefined) => void): void {
    this.#listeners.push(listener);
  }

  async #wait(signal: AbortSignal, untilTrouble: boolean): Promise<void> {
    const upTo = this.#recorded;
    if (this.#settled >= upTo || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting: Settling = { upTo, untilTrouble, resolve: () => resolve() };
    this.#settling.add(waiting);
    signal.addEventListener("abort", waiting.resolve, { once: true });
    await promise;
    signal.removeEventListener("abort", waiting.resolve);
    this.#settling.delete(waiting);
  }

  /** To be called when nothing is handed in any more, and nobody writes: says what was lost with the process. */
  end(): void {
    if (this.#waiting.size > 0) this.#lose(this.#waiting.size, "the process ends");
  }

  /** For the writer: what is next, losses included; empty where nothing waits. */
  take(): AuditEntry[] {
    const group: AuditEntry[] = [];
    while (group.length < GROUP) {
      const next = this.#waiting.shift();
      if (!next) break;
      group.push(next);
    }
    if (this.#lost > 0 && this.#waiting.size === 0) {
      const reason = `${this.#lost} events were not written: there was no room for them`;
      group.push({ type: "Lost", at: this.#options.clock.now(), part: "audit", who: [], reason });
      this.#lost = 0;
    }
    return group;
  }

  /** For the writer: so many of those that it took are on disk. */
  wrote(count: number): void {
    this.#setProblem(undefined);
    this.#totals = { ...this.#totals, written: this.#totals.written + count };
    this.#settle(count);
  }

  /** For the writer: they will never be. */
  gaveUp(count: number, why: string): void {
    this.#lose(count, why);
    this.#settle(count);
  }

  /** For the writer: why it does not get on. */
  fails(problem: string): void {
    if (problem !== this.#problem) this.#options.logger.error("the audit log of approvals is not written", { problem });
    this.#setProblem(problem);
    for (const { untilTrouble, resolve } of this.#settling) if (untilTrouble) resolve();
    this.#totals = { ...this.#totals, failures: this.#totals.failures + 1 };
  }

  /** For the writer: resolves when something waits, or `signal` is raised. */
  async filled(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size > 0 || signal.aborted) return;
    this.#wake = Promise.withResolvers();
    const wake = () => this.#wake.resolve();
    signal.addEventListener("abort", wake, { once: true });
    await this.#wake.promise;
    signal.removeEventListener("abort", wake);
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    for (const listener of this.#listeners) listener(problem);
  }

  #settle(count: number): void {
    this.#settled = Math.min(this.#recorded, this.#settled + count);
    for (const { upTo, resolve } of this.#settling) if (upTo <= this.#settled) resolve();
  }

  #lose(count: number, why: string): void {
    this.#lost += count;
    this.#totals = { ...this.#totals, lost: this.#totals.lost + count };
    const now = this.#options.clock.monotonicMs();
    if (now - this.#toldMs < TELL_EVERY_MS) return;
    this.#toldMs = now;
    this.#options.logger.error("events of the audit log of approvals were lost", { why, lost: this.#lost });
  }
}
