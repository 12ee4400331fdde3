import type { ApprovalNotice, ApprovalNotifier, NoticeOutcome } from "../controllers/approval/notifier.ts";
import { backoffMs, jittered } from "../machinery/backoff.ts";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import { Fifo } from "../machinery/fifo.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Runnable } from "../machinery/runnable.ts";
import { type DeliveryFailure, networkFailure } from "./delivery-failure.ts";
import type { Sender } from "./sender.ts";

/** Receivers that have something waiting, and notices that wait for one of them. */
const MAX_RECEIVERS = 256;
const MAX_WAITING = 1_000;
/** A receiver that fails is left alone from a second up to a quarter of an hour. */
const RETRY_BASE_MS = 1_000;
const RETRY_CAP_MS = 15 * 60_000;
/** A notice is given up after so many attempts, and after a day. */
const MAX_ATTEMPTS = 100;
const MAX_AGE_MS = 24 * 60 * 60_000;

export interface NotifierOptions {
  readonly senders: Readonly<Record<ApprovalNotice["channel"], Sender>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: NotifierMetrics;
  /** Between 0 and 1, for the spread of retries. */
  readonly random?: () => number;
}

/** Called synchronously. `retried`: an attempt failed and another follows; `dropped`: there was no room. */
export interface NotifierMetrics {
  told(channel: ApprovalNotice["channel"], how: "delivered" | "retried" | "failed" | "dropped"): void;
}

interface Waiting {
  readonly notice: ApprovalNotice;
  readonly report: (outcome: NoticeOutcome) => void;
  readonly sinceMs: number;
  attempts: number;
}

/** Where notices go, and its consecutive failures. */
interface Receiver {
  readonly waiting: Fifo<Waiting>;
  failures: number;
}

/**
 * Brings notices to their receivers, one at a time for each: one that is down delays nobody else's. A notice that failed goes
 * behind the others of its receiver, so that one that it cannot take does not keep them. Nothing is kept over a restart: the
 * status of the approval says what is still to be told.
 */
export class Notifier implements ApprovalNotifier, Runnable {
  readonly name = "notifier";
  readonly #options: NotifierOptions;
  readonly #receivers = new Map<string, Receiver>();
  /** Of all that wait or are under way. */
  readonly #ids = new Set<string>();
  readonly #work = new Set<Promise<void>>();
  #signals: { readonly stop: AbortSignal; readonly abort: AbortSignal } | undefined;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  notify(notice: ApprovalNotice, report: (outcome: NoticeOutcome) => void): void {
    if (this.#ids.has(notice.id)) return;
    const name = this.#options.senders[notice.channel].receiverOf(notice);
    const known = this.#receivers.get(name);
    const isFull = known ? known.waiting.size >= MAX_WAITING : this.#receivers.size >= MAX_RECEIVERS;
    if (isFull) {
      this.#options.metrics?.told(notice.channel, "dropped");
      report({ state: "Retrying", at: this.#options.clock.now(), message: "too many notices wait" });
      return;
    }
    this.#ids.add(notice.id);
    const receiver = known ?? { waiting: new Fifo<Waiting>(), failures: 0 };
    receiver.waiting.push({ notice, report, sinceMs: this.#options.clock.monotonicMs(), attempts: 0 });
    if (known) return;
    this.#receivers.set(name, receiver);
    this.#start(name, receiver);
  }

  /** Finishes the deliveries that are under way when it is stopped. */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    this.#signals = { stop, abort };
    for (const [name, receiver] of this.#receivers) this.#start(name, receiver);
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
    await Promise.all(this.#work);
  }

  #start(name: string, receiver: Receiver): void {
    if (!this.#signals) return;
    const work = this.#deliverAll(name, receiver, this.#signals).finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  async #deliverAll(
    name: string,
    receiver: Receiver,
    { stop, abort }: { stop: AbortSignal; abort: AbortSignal },
  ): Promise<void> {
    while (!stop.aborted) {
      const next = receiver.waiting.shift();
      if (!next) {
        this.#receivers.delete(name);
        return;
      }
      const failure = await this.#attempt(next, abort);
      if (abort.aborted) return;
      this.#settle(next, failure, receiver);
      if (failure === undefined || failure.isFinal) continue;
      const own = jittered(backoffMs(receiver.failures - 1, RETRY_BASE_MS, RETRY_CAP_MS), this.#options.random);
      await delay(this.#options.clock, Math.max(own, failure.retryAfterMs ?? 0), stop);
    }
  }

  async #attempt({ notice }: Waiting, abort: AbortSignal): Promise<DeliveryFailure | undefined> {
    try {
      await this.#options.senders[notice.channel].send(notice, abort);
      return undefined;
    } catch (error) {
      return networkFailure(error);
    }
  }

  #settle(entry: Waiting, failure: DeliveryFailure | undefined, receiver: Receiver): void {
    const { clock, logger, metrics } = this.#options;
    const { notice, report, sinceMs } = entry;
    const at = clock.now();
    if (!failure) {
      receiver.failures = 0;
      this.#ids.delete(notice.id);
      metrics?.told(notice.channel, "delivered");
      report({ state: "Delivered", at });
      return;
    }
    entry.attempts += 1;
    const isLast = failure.isFinal || entry.attempts >= MAX_ATTEMPTS || clock.monotonicMs() - sinceMs >= MAX_AGE_MS;
    if (!failure.isFinal) receiver.failures += 1;
    const fields = {
      ...{ approval: notice.approval.metadata.name, namespace: notice.approval.metadata.namespace },
      ...{ event: notice.event, policy: notice.policy.metadata.name, channel: notice.channel, why: failure.message },
    };
    metrics?.told(notice.channel, isLast ? "failed" : "retried");
    if (isLast) {
      this.#ids.delete(notice.id);
      logger.warn("a notice was given up", fields);
    } else {
      receiver.waiting.push(entry);
      logger.debug("a notice is told again later", fields);
    }
    report({ state: isLast ? "Failed" : "Retrying", at, message: failure.message });
  }
}
