import { type Clock, systemClock } from "./clock.ts";
import { delay } from "./clock-delay.ts";
import type { Logger } from "./logger.ts";
import type { Runnable } from "./runnable.ts";

/**
 * In the order of their start; each waits until the one before is ready, and they stop in reverse: controllers finish
 * while their caches still follow and their events still leave. `services` and `caches` run in every replica. `leadership` is
 * ready once this one leads: what follows acts, and has ended when leadership is given up.
 */
const STAGES = ["services", "caches", "leadership", "duties", "controllers"] as const;
export type Stage = (typeof STAGES)[number];

const ACTING: ReadonlySet<Stage> = new Set(["leadership", "duties", "controllers"]);

export interface ManagerOptions {
  readonly logger: Logger;
  readonly clock?: Clock;
  /** All stages together may take this long to stop before they are told to break off. Default 20 s, of a pod's 30. */
  readonly drainTimeoutMs?: number;
}

/** What breaks off must end within this time, or it is left behind. */
const ABORT_GRACE_MS = 2_000;

/** A long wait for a cache is told this often. */
const STILL_WAITING_MS = 10_000;

export interface Readiness {
  readonly ready: boolean;
  /** Names of what is not ready. */
  readonly waitingFor: readonly string[];
}

interface Part {
  readonly stage: Stage;
  readonly runnable: Runnable;
}

/** Starts, watches over and stops the parts of a controller process. */
export class Manager {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #drainTimeoutMs: number;
  readonly #parts: Part[] = [];
  readonly #running = new Map<Runnable, Promise<void>>();
  readonly #stops = new Map<Stage, AbortController>();
  readonly #abort = new AbortController();
  /** Concerns those that act alone. */
  readonly #lost = new AbortController();
  readonly #died = Promise.withResolvers<never>();
  #state: "new" | "running" | "stopping" = "new";

  constructor(options: ManagerOptions) {
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? 20_000;
    this.#died.promise.catch(() => undefined);
  }

  /** @throws {Error} once it runs. Returns the manager. */
  add(stage: Stage, ...runnables: readonly Runnable[]): this {
    if (this.#state !== "new") throw new Error("the manager runs already");
    this.#parts.push(...runnables.map((runnable) => ({ stage, runnable })));
    return this;
  }

  /**
   * Ready when every part has started and is ready, and nothing has begun to stop. While another process leads, those that act
   * do not count: this one serves all the same.
   */
  ready(): Readiness {
    const isFollowing = this.#parts.some(
      ({ stage, runnable }) => stage === "leadership" && this.#running.has(runnable) && runnable.isReady?.() === false,
    );
    const waitingFor = this.#parts
      .filter(({ stage }) => !isFollowing || !ACTING.has(stage))
      .filter(({ runnable }) => !this.#running.has(runnable) || runnable.isReady?.() === false)
      .map(({ runnable }) => runnable.name);
    return { ready: this.#state === "running" && waitingFor.length === 0, waitingFor };
  }

  /**
   * Runs until `stop`, then stops everything in order. @throws {Error} naming the part that died, after the others were
   * stopped, or those that did not end in time.
   */
  async run(stop: AbortSignal): Promise<void> {
    if (this.#state !== "new") throw new Error("the manager runs already");
    this.#state = "running";
    const stopped = Promise.withResolvers<void>();
    if (stop.aborted) stopped.resolve();
    else stop.addEventListener("abort", () => stopped.resolve(), { once: true });
    let failure: unknown;
    try {
      await Promise.race([this.#startAll(stop), stopped.promise, this.#died.promise]);
      await Promise.race([stopped.promise, this.#died.promise]);
    } catch (error) {
      failure = error;
      this.#logger.error(messageOf(error));
    }
    this.#state = "stopping";
    const left = await this.#stopAll();
    failure ??= this.#lost.signal.reason;
    if (left.length > 0) this.#logger.error("left behind", { parts: left });
    if (failure !== undefined) throw failure;
    if (left.length > 0) throw new Error(`did not end: ${left.join(", ")}`);
  }

  async #startAll(stop: AbortSignal): Promise<void> {
    for (const stage of STAGES) {
      if (stop.aborted || this.#state === "stopping") return;
      const stageStop = new AbortController();
      this.#stops.set(stage, stageStop);
      const runnables = this.#parts.filter((part) => part.stage === stage).map(({ runnable }) => runnable);
      for (const runnable of runnables) this.#start(runnable, stage, stageStop.signal);
      await this.#untilReady(runnables, AbortSignal.any([stop, stageStop.signal]));
    }
    if (!stop.aborted && this.#state === "running") this.#logger.info("started", { parts: this.#parts.length });
  }

  #start(runnable: Runnable, stage: Stage, stop: AbortSignal): void {
    const { lost } = runnable;
    lost?.addEventListener("abort", () => this.#breakOff(new Error(`${runnable.name}: ${messageOf(lost.reason)}`)));
    const ended = runnable.run(stop, this.#abortOf(stage)).then(
      () => {
        if (!stop.aborted) this.#died.reject(new Error(`${runnable.name} ended`));
      },
      (cause: unknown) => {
        this.#died.reject(new Error(`${runnable.name} died: ${messageOf(cause)}`, { cause }));
      },
    );
    this.#running.set(runnable, ended);
  }

  #breakOff(reason: Error): void {
    this.#lost.abort(reason);
    this.#died.reject(reason);
  }

  #abortOf(stage: Stage): AbortSignal {
    return ACTING.has(stage) ? AbortSignal.any([this.#abort.signal, this.#lost.signal]) : this.#abort.signal;
  }

  async #untilReady(runnables: readonly Runnable[], signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const told = this.#tellWaiting(AbortSignal.any([signal, done.signal]));
    try {
      await Promise.all(runnables.map((runnable) => runnable.whenReady?.(signal)));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      done.abort();
      await told;
    }
  }

  async #tellWaiting(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(this.#clock, STILL_WAITING_MS, signal);
      const { waitingFor } = this.ready();
      const started = [...this.#running.keys()].map(({ name }) => name).filter((name) => waitingFor.includes(name));
      if (!signal.aborted && started.length > 0) this.#logger.warn("still waiting", { for: started });
    }
  }

  /** Answers the names of what did not end. */
  async #stopAll(): Promise<string[]> {
    const deadline = this.#clock.schedule(this.#drainTimeoutMs, () => {
      this.#logger.warn(`not drained within ${this.#drainTimeoutMs} ms, breaking off`);
      this.#abort.abort(new Error("the process stops"));
    });
    const left: string[] = [];
    for (const stage of STAGES.toReversed()) {
      this.#stops.get(stage)?.abort(new Error("the process stops"));
      left.push(...(await this.#untilEnded(stage)));
    }
    deadline();
    return left;
  }

  async #untilEnded(stage: Stage): Promise<string[]> {
    const parts = this.#parts.filter((part) => part.stage === stage);
    const abort = this.#abortOf(stage);
    const left = new Set(parts.map(({ runnable }) => runnable).filter((runnable) => this.#running.has(runnable)));
    const ended = Promise.all([...left].map((part) => this.#running.get(part)?.then(() => left.delete(part))));
    const late = Promise.withResolvers<void>();
    const wait = () => void this.#clock.schedule(ABORT_GRACE_MS, () => late.resolve());
    if (abort.aborted) wait();
    else abort.addEventListener("abort", wait, { once: true });
    await Promise.race([ended, late.promise]);
    return [...left].map(({ name }) => name);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
