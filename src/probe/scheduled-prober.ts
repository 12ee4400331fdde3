import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import { type Due, DueQueue } from "./due-queue.ts";
import type { Probe } from "./probe.ts";
import { ProbeError, probeTimeout } from "./probe-error.ts";
import type { Prober, ProbeTarget, ProbeVerdict } from "./prober.ts";
import { firstPeriodMs, nextDelayMs } from "./schedule.ts";
import { type Assessment, assess, type ProbeOutcome, sameVerdict, UNKNOWN } from "./verdict.ts";

export interface ScheduledProberOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly makeProbe: (what: ProbeTarget["probe"]) => Probe;
  /** Probes under way at once; others wait their turn. */
  readonly concurrency: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Told of each probe that was finished, for metrics: verdicts alone hide what did not change. */
  readonly onProbe?: (outcome: ProbeOutcome, durationMs: number) => void;
}

/** One instance under watch. A new instance is a new entry, so that late answers of an old one find nobody. */
interface Entry extends Due {
  readonly key: string;
  target: ProbeTarget;
  readonly probe: Probe;
  assessment: Assessment;
  /** Set while a probe is under way. */
  running: AbortController | undefined;
  /** Asked for again while one was under way. */
  again: boolean;
}

/** Raised in probes whose instance nobody asks about any longer. */
const FORGOTTEN = new Error("no longer watched");

/** Keeps time for all probes with one timer. */
export class ScheduledProber implements Prober {
  readonly #options: ScheduledProberOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue = new DueQueue<Entry>();
  readonly #listeners: ((key: string) => void)[] = [];
  /** Probes that run and sessions that end: what dispose waits for. */
  readonly #pending = new Set<Promise<void>>();
  #running = 0;
  #cancelTimer: (() => void) | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  #disposed = false;

  constructor(options: ScheduledProberOptions) {
    this.#options = options;
  }

  watch(key: string, target: ProbeTarget): void {
    if (this.#disposed) return;
    const known = this.#entries.get(key);
    if (known && asksTheSame(known.target, target)) {
      const changed = known.target.periodMs !== target.periodMs;
      known.target = target;
      if (changed && !known.running) this.#schedule(known, this.#delayOf(known));
      return;
    }
    if (known) this.forget(key);
    const entry: Entry = {
      key,
      target,
      probe: this.#options.makeProbe(target.probe),
      assessment: UNKNOWN,
      running: undefined,
      again: false,
      dueMs: 0,
      position: -1,
    };
    this.#entries.set(key, entry);
    this.#schedule(entry, 0);
  }

  verdict(key: string): ProbeVerdict | undefined {
    return this.#entries.get(key)?.assessment.verdict;
  }

  hurry(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    if (entry.running) entry.again = true;
    else this.#schedule(entry, 0);
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#queue.remove(entry);
    if (entry.running) entry.running.abort(FORGOTTEN);
    else this.#track(entry.probe.end());
  }

  /** How many are watched, by verdict. */
  counts(): Record<ProbeVerdict["kind"], number> {
    const counts = { pending: 0, ready: 0, failed: 0 };
    for (const { assessment } of this.#entries.values()) counts[assessment.verdict.kind] += 1;
    return counts;
  }

  onChange(callback: (key: string) => void): void {
    this.#listeners.push(callback);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const key of [...this.#entries.keys()]) this.forget(key);
    this.#cancelTimer?.();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  #schedule(entry: Entry, delayMs: number): void {
    this.#queue.set(entry, this.#options.clock.monotonicMs() + delayMs);
    this.#arm();
  }

  /** Sets the timer for the earliest, unless all places are taken: then the next one to end looks again. */
  #arm(): void {
    const first = this.#queue.peek();
    if (first === undefined || this.#running >= this.#options.concurrency) return;
    if (this.#cancelTimer && this.#timerDueMs <= first.dueMs) return;
    this.#cancelTimer?.();
    this.#timerDueMs = first.dueMs;
    const { clock } = this.#options;
    this.#cancelTimer = clock.schedule(Math.max(0, first.dueMs - clock.monotonicMs()), () => this.#startDue());
  }

  #startDue(): void {
    this.#cancelTimer = undefined;
    const { clock, concurrency } = this.#options;
    const now = clock.monotonicMs();
    for (let first = this.#queue.peek(); first && first.dueMs <= now; first = this.#queue.peek()) {
      if (this.#running >= concurrency) return;
      this.#queue.remove(first);
      this.#track(this.#run(first));
    }
    this.#arm();
  }

  async #run(entry: Entry): Promise<void> {
    const abort = new AbortController();
    entry.running = abort;
    this.#running += 1;
    const { clock, onProbe } = this.#options;
    const startedMs = clock.monotonicMs();
    const outcome = await this.#ask(entry, abort);
    this.#running -= 1;
    entry.running = undefined;
    if (this.#entries.get(entry.key) === entry) {
      onProbe?.(outcome, clock.monotonicMs() - startedMs);
      this.#conclude(entry, outcome);
    } else {
      this.#track(entry.probe.end());
    }
    this.#arm();
  }

  /** Ends when the time is over, whatever the probe does. */
  async #ask({ probe, target: { timeoutMs } }: Entry, abort: AbortController): Promise<ProbeOutcome> {
    const { promise: over, reject } = Promise.withResolvers<never>();
    abort.signal.addEventListener("abort", () => reject(abort.signal.reason), { once: true });
    const cancel = this.#options.clock.schedule(timeoutMs, () => abort.abort(probeTimeout(timeoutMs)));
    try {
      const mcp = await Promise.race([probe.run({ signal: abort.signal, timeoutMs }), over]);
      return { kind: "answered", mcp };
    } catch (error) {
      return { kind: "failed", failure: this.#failureOf(error, abort.signal) };
    } finally {
      cancel();
    }
  }

  #failureOf(error: unknown, { aborted, reason }: AbortSignal): ProbeError {
    const cause = aborted ? reason : error;
    if (cause instanceof ProbeError) return cause;
    if (cause !== FORGOTTEN) {
      const error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
      this.#options.logger.error("a probe failed in a way that it should not", { error });
    }
    return new ProbeError("ProbeInvalidAnswer", "the probe itself failed; see the controller's log", { cause });
  }

  #conclude(entry: Entry, outcome: ProbeOutcome): void {
    const before = entry.assessment;
    entry.assessment = assess(before, outcome, entry.target.failureThreshold);
    const { verdict } = entry.assessment;
    const first = verdict.kind === "ready" && before.verdict.kind !== "ready";
    const { again } = entry;
    entry.again = false;
    if (again) this.#schedule(entry, 0);
    else if (first) this.#schedule(entry, firstPeriodMs(entry.target.periodMs, this.#options.random()));
    else this.#schedule(entry, this.#delayOf(entry));
    if (sameVerdict(before.verdict, verdict)) return;
    for (const listener of this.#listeners) listener(entry.key);
  }

  #delayOf({ assessment, target }: Entry): number {
    return nextDelayMs(assessment, target, this.#options.random());
  }

  #track(work: Promise<void>): void {
    this.#pending.add(work);
    const done = () => this.#pending.delete(work);
    work.then(done, done);
  }
}

function asksTheSame(a: ProbeTarget, b: ProbeTarget): boolean {
  return a.instance === b.instance && questionOf(a.probe) === questionOf(b.probe);
}

function questionOf(probe: ProbeTarget["probe"]): string {
  switch (probe.kind) {
    case "mcp":
      return `mcp ${probe.transport} ${probe.url}`;
    case "http":
      return `http ${probe.url}`;
    case "tcp":
      return `tcp ${probe.host} ${probe.port}`;
    default:
      return probe satisfies never;
  }
}
