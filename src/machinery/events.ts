import { randomBytes } from "node:crypto";
import { type Event, events } from "../api/core.ts";
import { type KubeObject, keyOf, type NewObject } from "../api/meta.ts";
import { backoffMs, jittered } from "./backoff.ts";
import { ApiError, isReason, type KubeClient } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { delay } from "./clock-delay.ts";
import type { EventNote, EventRecorder } from "./event-recorder.ts";
import type { Logger } from "./logger.ts";
import type { Runnable } from "./runnable.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface ApiEventRecorderOptions {
  readonly client: KubeClient;
  readonly logger: Logger;
  /** A qualified name, such as `slipway.dev/controller`. */
  readonly reportingController: string;
  /** Tells one process from another: the host name, or the pod's. */
  readonly reportingInstance: string;
  readonly clock?: Clock;
  /** Called for each event that is given up, with the reason. */
  readonly onDropped?: (why: "full" | "rate" | "refused" | "unreachable") => void;
}

/** Repeats of an event within this time since the last one are one series; client-go's tools/events. */
const SERIES_WINDOW_MS = 360_000;
/** A series that goes on is written no more often than this; the count catches up with each write. */
const SERIES_WRITE_INTERVAL_MS = 10_000;
/** Writes for one object: client-go's spam filter. */
const OBJECT_BURST = 25;
const OBJECT_REFILL_MS = 300_000;
/** Different events that are remembered, and so that may wait, at once. */
const MAX_SERIES = 4_096;
const MAX_ATTEMPTS = 6;
/** Bounds of the API server's validation; the note's is in bytes. */
const MAX_NOTE_BYTES = 1_024;
const MAX_WORD_LENGTH = 128;

/** One event and its repeats. */
interface Series {
  readonly id: string;
  readonly regarding: Event["regarding"];
  readonly note: EventNote;
  readonly firstAt: Date;
  lastAt: Date;
  lastMs: number;
  count: number;
  /** Set once the server has it, under this name. */
  name: string | undefined;
  /** What the server knows of the count. */
  written: number;
  writtenMs: number;
  waiting: boolean;
}

/**
 * Writes `events.k8s.io/v1` Events, one request at a time and never from within a reconcile. Repeats become a series with
 * a count. Best effort: tried a few times, counted and dropped beyond its bounds, sent to the last when the process stops.
 */
export class ApiEventRecorder implements EventRecorder, Runnable {
  readonly name = "event recorder";
  readonly #options: ApiEventRecorderOptions;
  readonly #clock: Clock;
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, TokenBucket>();
  #wake = Promise.withResolvers<void>();
  #hasToldOfRights = false;

  constructor(options: ApiEventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  record(regarding: KubeObject, event: EventNote): void {
    const note = bounded(event);
    const id = JSON.stringify([regarding.metadata.uid, note.type, note.reason, note.action, note.note]);
    const nowMs = this.#clock.monotonicMs();
    const known = this.#series.get(id);
    if (known && nowMs - known.lastMs < SERIES_WINDOW_MS) {
      known.count++;
      known.lastAt = this.#clock.now();
      known.lastMs = nowMs;
      this.#enqueue(known);
      return;
    }
    const refusal = this.#hasRoom(nowMs) ? (this.#budgetOf(regarding, nowMs).take(nowMs) ? undefined : "rate") : "full";
    if (refusal) {
      this.#drop(refusal);
      return;
    }
    const now = this.#clock.now();
    const series: Series = {
      id,
      regarding: referenceTo(regarding),
      note,
      firstAt: now,
      lastAt: now,
      lastMs: nowMs,
      count: 1,
      name: undefined,
      written: 0,
      writtenMs: Number.NEGATIVE_INFINITY,
      waiting: false,
    };
    this.#series.delete(id);
    this.#series.set(id, series);
    this.#enqueue(series);
  }

  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const wake = () => this.#wake.resolve();
    stop.addEventListener("abort", wake, { once: true });
    while (!stop.aborted) {
      this.#wake = Promise.withResolvers();
      const nextMs = await this.#sendDue(stop, abort);
      const cancel = nextMs === undefined ? undefined : this.#clock.schedule(nextMs, wake);
      if (!stop.aborted) await this.#wake.promise;
      cancel?.();
    }
    for (const series of this.#waiting()) {
      if (abort.aborted || !(await this.#send(series, stop, abort))) break;
    }
  }

  #waiting(): Series[] {
    return [...this.#series.values()].filter(({ waiting }) => waiting);
  }

  /** Writes what is due. Answers how long the next write has to wait; undefined when there is none. */
  async #sendDue(stop: AbortSignal, abort: AbortSignal): Promise<number | undefined> {
    let nextMs: number | undefined;
    for (const series of this.#waiting()) {
      if (stop.aborted) return undefined;
      const waitMs = series.writtenMs + SERIES_WRITE_INTERVAL_MS - this.#clock.monotonicMs();
      if (waitMs <= 0) await this.#send(series, stop, abort);
      else nextMs = Math.min(nextMs ?? waitMs, waitMs);
    }
    return nextMs;
  }

  #enqueue(series: Series): void {
    series.waiting = true;
    this.#wake.resolve();
  }

  /** Answers whether the server answered. It is waited for with growing delays, but not while the process stops. */
  async #send(series: Series, stop: AbortSignal, abort: AbortSignal): Promise<boolean> {
    series.waiting = false;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#write(series, abort);
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.code < 500 && error.code !== 429) {
          // Its namespace is going, or the controller may not: nothing that a repetition would change.
          this.#tellRefused(error, series);
          this.#drop("refused");
          return true;
        }
      }
      if (stop.aborted || attempt === MAX_ATTEMPTS) break;
      await delay(this.#clock, jittered(backoffMs(attempt, 250, 10_000)), stop);
    }
    this.#drop("unreachable");
    return false;
  }

  /** Rights that are missing are told once: they are for somebody to give, and every event would say the same. */
  #tellRefused(error: ApiError, { note }: Series): void {
    const { causes = [] } = error.status.details ?? {};
    const isGoing = causes.some(({ reason }) => reason === "NamespaceTerminating");
    const isNews = error.reason === "Forbidden" && !isGoing && !this.#hasToldOfRights;
    if (isNews) this.#hasToldOfRights = true;
    this.#options.logger[isNews ? "warn" : "debug"](`event refused: ${error.message}`, { reason: note.reason });
  }

  async #write(series: Series, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const { count } = series;
    if (count === series.written) return;
    if (series.name === undefined) {
      const created = await client.create(events, this.#eventOf(series), signal);
      series.name = created.metadata.name;
    } else {
      const key = { namespace: namespaceOf(series.regarding), name: series.name };
      try {
        await client.patch(events, key, { type: "merge", body: { series: seriesOf(series) } }, { signal });
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
        // The server keeps events for an hour; the series goes on in a new one.
        series.name = undefined;
        return this.#write(series, signal);
      }
    }
    series.written = count;
    series.writtenMs = this.#clock.monotonicMs();
  }

  #eventOf(series: Series): NewObject<Event> {
    const { regarding, note, firstAt, count } = series;
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: eventName(regarding.name), namespace: namespaceOf(regarding) },
      eventTime: microTime(firstAt),
      ...note,
      regarding,
      reportingController: this.#options.reportingController,
      reportingInstance: this.#options.reportingInstance,
      ...(count > 1 ? { series: seriesOf(series) } : {}),
    };
  }

  /** Makes room by forgetting series that have ended, then the oldest that has nothing to send. */
  #hasRoom(nowMs: number): boolean {
    if (this.#series.size < MAX_SERIES) return true;
    for (const [id, { waiting, lastMs }] of this.#series) {
      if (!waiting && nowMs - lastMs >= SERIES_WINDOW_MS) this.#series.delete(id);
    }
    if (this.#series.size < MAX_SERIES) return true;
    const oldest = this.#series.values().find(({ waiting }) => !waiting);
    return oldest !== undefined && this.#series.delete(oldest.id);
  }

  #budgetOf(regarding: KubeObject, nowMs: number): TokenBucket {
    const { uid } = regarding.metadata;
    const known = this.#budgets.get(uid);
    if (known) return known;
    if (this.#budgets.size >= MAX_SERIES) {
      for (const [id, budget] of this.#budgets) if (budget.isFull(nowMs)) this.#budgets.delete(id);
      const oldest = this.#budgets.keys().next();
      if (this.#budgets.size >= MAX_SERIES && !oldest.done) this.#budgets.delete(oldest.value);
    }
    const budget = new TokenBucket(OBJECT_BURST, OBJECT_REFILL_MS, nowMs);
    this.#budgets.set(uid, budget);
    return budget;
  }

  #drop(why: "full" | "rate" | "refused" | "unreachable"): void {
    this.#options.onDropped?.(why);
  }
}

function referenceTo(object: KubeObject): Event["regarding"] {
  const { namespace, name } = keyOf(object);
  const { uid, resourceVersion } = object.metadata;
  const { apiVersion, kind } = object;
  return { apiVersion, kind, name, uid, resourceVersion, ...(namespace === "" ? {} : { namespace }) };
}

/** Events about cluster-scoped objects live in `default`: the API server insists. */
function namespaceOf(regarding: Event["regarding"]): string {
  return regarding.namespace ?? "default";
}

function seriesOf({ count, lastAt }: Series): NonNullable<Event["series"]> {
  return { count, lastObservedTime: microTime(lastAt) };
}

/** `metav1.MicroTime` insists on six digits. */
function microTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}

/** The object's name, for people, and a random part; at most 253 characters, as a DNS name. */
function eventName(name: string): string {
  return `${name.slice(0, 236).replace(/[.-]+$/, "")}.${randomBytes(8).toString("hex")}`;
}

function bounded({ type, reason, action, note }: EventNote): EventNote {
  return {
    type,
    reason: reason.slice(0, MAX_WORD_LENGTH),
    action: action.slice(0, MAX_WORD_LENGTH),
    note: cutToBytes(note, MAX_NOTE_BYTES),
  };
}

/** Cuts between characters, never within one. */
function cutToBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const ellipsis = "…";
  const bytes = Buffer.from(text).subarray(0, maxBytes - Buffer.byteLength(ellipsis));
  return bytes.toString("utf8").replace(/\uFFFD+$/, "") + ellipsis;
}
