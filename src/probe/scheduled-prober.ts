import type { Clock } from "../machinery/clock.ts";
import { correlated } from "../machinery/correlation.ts";
import type { Logger } from "../machinery/logger.ts";
import { NO_TRACES, type Tracer } from "../machinery/tracer.ts";
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
  /** Probes under way at once; others wait their turn. Half of the places are for servers that work. */
  readonly concurrency: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** A span for each probe. */
  readonly tracer?: Tracer | undefined;
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
  /** Where it waits, or waited. */
  lane: Lane;
}

/** Entries that share places. */
class Lane {
  readonly queue = new DueQueue<Entry>();
  readonly places: number;
  running = 0;

  constructor(places: number) {
    this.places = places;
  }
}

/**
 * Part of its period by which a server that works is asked early, together with others: with thousands of them a process would
 * wake up for each. Less than the jitter by far.
 */
const TOGETHER = 0.005;

/** Raised in probes whose instance nobody asks about any longer. */
const FORGOTTEN = new Error("no longer watched");

/** Keeps time for all probes with one timer. */
export class ScheduledProber implements Prober {
  readonly #options: ScheduledProberOptions;
  readonly #entries = new Map<string, Entry>();
  /** Apart, so that many servers which hang until their time is over do not delay the truth about those that work. */
  readonly #working: Lane;
  readonly #troubled: Lane;
  readonly #listeners: ((key: string) => void)[] = [];
  /** Probes that run and sessions that end: what dispose waits for. */
  readonly #pending = new Set<Promise<void>>();
  #cancelTimer: (() => void) | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  #disposed = false;

  constructor(options: ScheduledProberOptions) {
    this.#options = options;
    this.#working = new Lane(Math.ceil(options.concurrency / 2));
    this.#troubled = new Lane(Math.ceil(options.concurrency / 2));
  }

  watch(key: string, target: ProbeTarget): void {
    if (this.#disposed) return;
    const known = this.#entries.get(key);
    if (known && asksTheSame(known.target, target)) {
      const { periodMs, timeoutMs, failureThreshold } = target;
      const changed = known.target.periodMs !== periodMs;
      // The former stays where it is as good: its strings have been put together by now.
      known.target = { ...known.target, periodMs, timeoutMs, failureThreshold };
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
      lane: this.#troubled,
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
    entry.lane.queue.remove(entry);
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
    entry.lane.queue.remove(entry);
    const { verdict, failuresInARow } = entry.assessment;
    entry.lane = verdict.kind === "ready" && failuresInARow === 0 ? this.#working : this.#troubled;
    entry.lane.queue.set(entry, this.#options.clock.monotonicMs() + delayMs);
    this.#arm();
  }

  /** The earliest of those that have a place. */
  #first(): Entry | undefined {
    const [a, b] = [this.#working, this.#troubled].map(({ queue, running, places }) =>
      running < places ? queue.peek() : undefined,
    );
    return a && b ? (b.dueMs < a.dueMs ? b : a) : (a ?? b);
  }

  /** Sets the timer for the earliest that has a place; where none has, the next probe to end looks again. */
  #arm(): void {
    const first = this.#first();
    if (first === undefined || (this.#cancelTimer && this.#timerDueMs <= first.dueMs)) return;
    this.#cancelTimer?.();
    this.#timerDueMs = first.dueMs;
    const { clock } = this.#options;
    this.#cancelTimer = clock.schedule(Math.max(0, first.dueMs - clock.monotonicMs()), () => this.#startDue());
  }

  #startDue(): void {
    this.#cancelTimer = undefined;
    const now = this.#options.clock.monotonicMs();
    for (let first = this.#first(); first && first.dueMs <= now + this.#slackOf(first); first = this.#first()) {
      first.lane.queue.remove(first);
      this.#track(this.#run(first));
    }
    this.#arm();
  }

  #slackOf({ lane, target }: Entry): number {
    return lane === this.#working ? target.periodMs * TOGETHER : 0;
  }

  async #run(entry: Entry): Promise<void> {
    const abort = new AbortController();
    const { lane } = entry;
    entry.running = abort;
    lane.running += 1;
    const { clock, onProbe } = this.#options;
    const startedMs = clock.monotonicMs();
    // Whoever asked for it last may be long done: what is logged names the probe alone.
    const outcome = await correlated({ probe: entry.key }, () => this.#traced(entry, abort));
    lane.running -= 1;
    entry.running = undefined;
    if (this.#entries.get(entry.key) === entry) {
      onProbe?.(outcome, clock.monotonicMs() - startedMs);
      this.#conclude(entry, outcome);
    } else {
      this.#track(entry.probe.end());
    }
    this.#arm();
  }

  #traced(entry: Entry, abort: AbortController): Promise<ProbeOutcome> {
    const { tracer = NO_TRACES } = this.#options;
    const attributes = { "slipway.probe": entry.key, "slipway.probe.kind": entry.target.probe.kind };
    return tracer.span("probe", { kind: "client", parent: "none", attributes }, async (span) => {
      const outcome = await this.#ask(entry, abort);
      if (outcome.kind === "failed") span.fail(outcome.failure.reason);
      return outcome;
    });
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
    case "endpoint":
      return JSON.stringify(probe.endpoint);
    case "http":
      return `http ${probe.url}`;
    case "tcp":
      return `tcp ${probe.host} ${probe.port}`;
    default:
      return probe satisfies never;
  }
}
