import { backoffMs, jittered } from "../machinery/backoff.ts";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import type { Logger } from "../machinery/logger.ts";
import type { ChainTip } from "./audit-line.ts";
import type { AuditSecrets } from "./audit-secrets.ts";

/** Between two counts: a storm of events costs four writes a second. */
const PACE_MS = 250;
const RETRY_BASE_MS = 250;
const RETRY_CAP_MS = 30_000;

export interface HeadKeeperOptions {
  readonly secrets: AuditSecrets;
  readonly isFile: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes where a chain stands into its Secret, always the newest, one request at a time. Lines go to disk meanwhile: an API server
 * that is down stops no log, and its count follows.
 */
export class HeadKeeper {
  readonly #options: HeadKeeperOptions;
  #next: ChainTip | undefined;
  #work: Promise<void> = Promise.resolve();
  #isBusy = false;
  #hurry = new AbortController();

  constructor(options: HeadKeeperOptions) {
    this.#options = options;
  }

  /** Returns at once. Its lines are on disk. */
  move(tip: ChainTip, signal: AbortSignal): void {
    this.#next = tip;
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#work = this.#keep(signal).finally(() => {
      this.#isBusy = false;
    });
  }

  /** Resolves when the newest count is written, without a pause before it, or `signal` of its `move` is raised. */
  async flush(): Promise<void> {
    this.#hurry.abort();
    await this.#work;
    this.#hurry = new AbortController();
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { secrets, isFile, clock, logger } = this.#options;
    for (let failures = 0; this.#next && !signal.aborted; ) {
      const tip = this.#next;
      try {
        await secrets.setHead({ ...tip, isFile, at: clock.now().toISOString() }, signal);
        if (this.#next === tip) this.#next = undefined;
        failures = 0;
        await delay(clock, PACE_MS, AbortSignal.any([signal, this.#hurry.signal]));
      } catch (error) {
        if (signal.aborted) return;
        const why = error instanceof Error ? error.message : String(error);
        if (failures === 0) logger.warn("the count of the audit log is not kept", { why });
        await delay(clock, jittered(backoffMs(failures++, RETRY_BASE_MS, RETRY_CAP_MS)), signal);
      }
    }
  }
}
