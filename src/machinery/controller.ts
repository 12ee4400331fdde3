import { randomUUID } from "node:crypto";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/meta.ts";
import { ApiError, isReason } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { correlated } from "./correlation.ts";
import { TerminalError, TransientError } from "./errors.ts";
import type { ChangeSource } from "./lister.ts";
import type { Logger } from "./logger.ts";
import type { Reconciler } from "./reconciler.ts";
import type { Runnable } from "./runnable.ts";
import { errorType, NO_TRACES, type Tracer, type TraceSpan } from "./tracer.ts";
import { WorkQueue, type WorkQueueMetrics } from "./workqueue.ts";

export interface ControllerOptions {
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly logger: Logger;
  /** How many keys are reconciled at once. Default 4. */
  readonly workers?: number;
  /** One reconcile is told to end after this. Default 2 min: nobody waits for readiness in a reconcile. */
  readonly reconcileTimeoutMs?: number;
  /** Longest delay between retries of a key that keeps failing. Default 5 min. */
  readonly maxRetryDelayMs?: number;
  readonly clock?: Clock;
  readonly metrics?: ControllerMetrics;
  /** A span for each reconcile. */
  readonly tracer?: Tracer | undefined;
}

export interface ControllerMetrics {
  reconciled?(result: ReconcileResult, tookMs: number): void;
  readonly queue?: WorkQueueMetrics;
}

/** How a reconcile ended. `conflict`: what it read was out of date, which is ordinary. */
export type ReconcileResult = "success" | "requeue" | "conflict" | "error" | "terminal";

/** A reconcile that goes on this long after it was told to end gives its worker back to the other keys. */
const STUCK_AFTER_MS = 10_000;

/** Which keys a change of an object concerns; by default its own. */
export type KeysOf<T extends KubeObject> = (object: T) => Iterable<ObjectKey>;

/** Runs a reconciler over a queue of keys, which come from changes of watched objects, from retries and from `enqueue`. */
export class Controller implements Runnable {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;
  readonly #timeoutMs: number;

  constructor(options: ControllerOptions) {
    this.name = `controller ${options.name}`;
    this.#options = options;
    this.#logger = options.logger.child({ controller: options.name });
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.reconcileTimeoutMs ?? 120_000;
    this.#queue = new WorkQueue({
      clock: this.#clock,
      maxDelayMs: options.maxRetryDelayMs ?? 300_000,
      ...(options.metrics?.queue ? { metrics: options.metrics.queue } : {}),
    });
  }

  /**
   * Reconciles what a change of `source` concerns, as it was and as it is: an object that moves from one owner to another
   * concerns both. Returns the controller.
   */
  watch<T extends KubeObject>(source: ChangeSource<T>, keysOf: KeysOf<T> = (object) => [keyOf(object)]): this {
    source.onChange((before, after) => {
      const keys = [before, after].flatMap((object) => (object ? [...keysOf(object)] : []));
      // Each once: an idle worker takes the first add at once, and a second would make it run again.
      for (const key of new Map(keys.map((key) => [formatKey(key), key])).values()) this.#queue.add(key);
    });
    return this;
  }

  enqueue(key: ObjectKey): void {
    this.#queue.add(key);
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#queue.depth;
  }

  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    abort.addEventListener("abort", () => aborted.resolve(), { once: true });
    const stopped = Promise.withResolvers<void>();
    stop.addEventListener("abort", () => stopped.resolve(), { once: true });
    if (stop.aborted) stopped.resolve();
    const workers = Promise.all(Array.from({ length: this.#options.workers ?? 4 }, () => this.#work(abort)));
    await Promise.race([stopped.promise, workers]);
    await Promise.race([this.#queue.shutDown(), aborted.promise]);
  }

  async #work(abort: AbortSignal): Promise<void> {
    for (let key = await this.#queue.take(); key; key = await this.#queue.take()) {
      await this.#process(key, abort);
    }
  }

  /** Ends with the reconcile, or without it when it is stuck: then only its key stays locked until it ends. */
  async #process(key: ObjectKey, abort: AbortSignal): Promise<void> {
    const timeout = new AbortController();
    const stuck = Promise.withResolvers<void>();
    let cancel = this.#clock.schedule(this.#timeoutMs, () => {
      timeout.abort(new TransientError("ReconcileTimeout", `the reconcile took longer than ${this.#timeoutMs} ms`));
      cancel = this.#clock.schedule(STUCK_AFTER_MS, () => {
        this.#logger.error("the reconcile does not end; its object waits until it does", { key: formatKey(key) });
        stuck.resolve();
      });
    });
    const finished = this.#told(key, timeout.signal, abort).finally(() => {
      cancel();
      this.#queue.done(key);
    });
    await Promise.race([finished, stuck.promise]);
  }

  /** Reconciles under an id of its own, which stands in all that is logged meanwhile, and as a span. */
  #told(key: ObjectKey, timeout: AbortSignal, abort: AbortSignal): Promise<void> {
    const { name: controller, tracer = NO_TRACES } = this.#options;
    const ids = {
      controller,
      ...(key.namespace !== "" && { namespace: key.namespace }),
      name: key.name,
      reconcileID: randomUUID(),
    };
    const attributes = {
      "slipway.controller": controller,
      "slipway.reconcile_id": ids.reconcileID,
      "k8s.namespace.name": key.namespace,
      "slipway.object.name": key.name,
    };
    return tracer.span(`reconcile ${controller}`, { attributes, parent: "none" }, (span) => {
      const fields = span.traceId === undefined ? ids : { ...ids, traceID: span.traceId };
      return correlated(fields, () => this.#reconcile(key, span, timeout, abort));
    });
  }

  async #reconcile(key: ObjectKey, span: TraceSpan, timeout: AbortSignal, abort: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([abort, timeout]);
    const startedMs = this.#clock.monotonicMs();
    let result: ReconcileResult;
    try {
      const { requeueAfterMs } = await this.#options.reconciler.reconcile(key, signal);
      this.#queue.forget(key);
      if (requeueAfterMs !== undefined) this.#queue.addAfter(key, requeueAfterMs);
      result = requeueAfterMs === undefined ? "success" : "requeue";
    } catch (error) {
      if (abort.aborted) return;
      result = this.#failed(key, error);
      if (result !== "conflict") span.fail(errorType(error));
    }
    span.set({ "slipway.reconcile.result": result });
    const tookMs = this.#clock.monotonicMs() - startedMs;
    this.#options.metrics?.reconciled?.(result, tookMs);
    this.#logger.debug("reconciled", { result, tookMs: Math.round(tookMs * 10) / 10 });
  }

  #failed(key: ObjectKey, error: unknown): ReconcileResult {
    const fields = { key: formatKey(key), reason: reasonOf(error) };
    if (error instanceof TerminalError) {
      this.#queue.forget(key);
      this.#logger.info(`waits for a change: ${error.message}`, fields);
      return "terminal";
    }
    if (isReason(error, "Conflict")) {
      this.#queue.addRateLimited(key);
      return "conflict";
    }
    const retryInMs = this.#queue.addRateLimited(key, askedDelayMs(error));
    const message = error instanceof Error ? error.message : String(error);
    // What nobody foresaw is a defect: its place in the code helps.
    const foreseen = error instanceof TransientError || error instanceof ApiError;
    const stack = !foreseen && error instanceof Error ? { stack: error.stack } : {};
    this.#logger.warn(`retried in ${retryInMs} ms: ${message}`, { ...fields, retryInMs, ...stack });
    return "error";
  }
}

function askedDelayMs(error: unknown): number | undefined {
  return error instanceof TransientError || error instanceof ApiError ? error.retryAfterMs : undefined;
}

function reasonOf(error: unknown): string | undefined {
  if (error instanceof TerminalError || error instanceof TransientError || error instanceof ApiError) {
    return error.reason;
  }
  return error instanceof Error ? error.name : undefined;
}
