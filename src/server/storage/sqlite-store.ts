import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { ChangeLog, type ChangeLogLimits, DEFAULT_LIMITS } from "./change-log.ts";
import { KeyLocks } from "./key-locks.ts";
import { replaced, SortedObjects } from "./sorted-objects.ts";
import { type LoadedChange, loadStore } from "./sqlite-file.ts";
import type { RowWrite, WorkerAnswer, WorkerOrder } from "./sqlite-orders.ts";
import { changesBetween } from "./state-changes.ts";
import {
  type Change,
  ObjectTooLarge,
  type Put,
  type Replacement,
  StateReplaced,
  type Store,
  type StoredObject,
  StoreUnavailable,
} from "./store.ts";

/** Writes in one transaction at most: bounds how long a commit takes and how much one failure takes with it. */
const MAX_BATCH = 512;
/** Characters of JSON in one transaction, beyond the first write: bounds the worker's memory and the log's growth. */
const MAX_BATCH_LENGTH = 8 * 1024 * 1024;
/** etcd's default for a request (`--max-request-bytes`): what a cluster would not store is not stored here either. */
const MAX_OBJECT_BYTES = 1.5 * 1024 * 1024;
const COMPACTION_INTERVAL_MS = 30_000;
/** The worker holds one batch at a time. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 };

interface PendingWrite {
  readonly row: RowWrite;
  readonly change: Change;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The store on SQLite. All reads come from memory. Writes are numbered here, then sent to the worker in batches: while
 * one batch is being made durable, the next one gathers, so the cost of an fsync is shared by whoever waits.
 */
export class SqliteStore implements Store {
  #resources = new Map<string, SortedObjects>();
  #log: ChangeLog;
  readonly #limits: ChangeLogLimits;
  readonly #locks = new KeyLocks();
  readonly #listeners = new Map<string | undefined, Set<(change: Change) => void>>();
  readonly #revisionListeners = new Set<(revision: number) => void>();
  readonly #replacedListeners = new Set<(before: number) => void>();
  /** Counts the states: grows when one begins to be replaced, and when it is. */
  #era = 0;
  /** The era that the running piece of work began in. */
  readonly #begun = new AsyncLocalStorage<number>();
  #isReplacing = false;
  #replacement: Pick<PendingWrite, "resolve" | "reject"> | undefined;
  readonly #worker: Worker;
  readonly #compaction: NodeJS.Timeout;
  #revision: number;
  /** The last revision given out; runs ahead of `#revision` by what is not durable yet. */
  #assigned: number;
  #waiting: PendingWrite[] = [];
  #inFlight: PendingWrite[] | undefined;
  #idle: (() => void)[] = [];
  #compactTo: number | undefined;
  #closing = false;
  /** Why there is no worker any more. */
  #gone: string | undefined;
  fault: string | undefined;

  /** Reads `file`, or makes it. @throws {StoreRefused} when it cannot be used as it is. */
  constructor(file: string, limits: ChangeLogLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    const { objects, changes } = loadStore(file);
    for (const object of objects) this.#objects(object.resource).set(object);
    const highest = objects.reduce((max, { revision }) => Math.max(max, revision), changes.at(-1)?.revision ?? 0);
    this.#log = new ChangeLog(floorOf(changes) ?? highest, limits);
    for (const { revision, at, current, previous } of changes) {
      const { resource, key } = current ?? previous ?? { resource: "", key: "" };
      this.#log.append({ revision, resource, key, current, previous }, at);
    }
    this.#revision = highest;
    this.#assigned = highest;
    // Compiled code has another extension, and nothing rewrites it within a URL.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./sqlite-worker.${extension}`, import.meta.url), {
      workerData: { file },
      resourceLimits: WORKER_LIMITS,
    });
    this.#worker.on("message", (answer: WorkerAnswer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#workerGone(error.message));
    this.#worker.on("exit", () => this.#workerGone("the storage thread ended"));
    this.#compaction = setInterval(() => this.#compact(), COMPACTION_INTERVAL_MS);
    this.#compaction.unref();
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#log.floor;
  }

  get(resource: string, key: string): StoredObject | undefined {
    return this.#resources.get(resource)?.get(key);
  }

  list(resource: string, namespace?: string): readonly StoredObject[] {
    return this.#resources.get(resource)?.list(namespace) ?? [];
  }

  count(resource: string): number {
    return this.#resources.get(resource)?.size ?? 0;
  }

  listAt(resource: string, revision: number, namespace?: string): readonly StoredObject[] | undefined {
    if (revision < this.#log.floor) return undefined;
    const undone = new Map<string, StoredObject | undefined>();
    for (const { key, previous } of this.#log.since(revision, resource)) {
      const isAskedFor = namespace === undefined || key.startsWith(`${namespace}/`);
      if (isAskedFor && !undone.has(key)) undone.set(key, previous);
    }
    const now = this.list(resource, namespace);
    return undone.size === 0 ? now : replaced(now, undone);
  }

  changesSince(resource: string, revision: number): readonly Change[] | undefined {
    return revision < this.#log.floor ? undefined : this.#log.since(revision, resource);
  }

  subscribe(resource: string | undefined, listener: (change: Change) => void): () => void {
    const listeners = this.#listeners.get(resource) ?? new Set();
    this.#listeners.set(resource, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(resource);
    };
  }

  onRevision(listener: (revision: number) => void): () => void {
    this.#revisionListeners.add(listener);
    return () => this.#revisionListeners.delete(listener);
  }

  onReplaced(listener: (before: number) => void): () => void {
    this.#replacedListeners.add(listener);
    return () => this.#replacedListeners.delete(listener);
  }

  inOneState<T>(work: () => T, kind: "whole" | "step" = "whole"): T {
    const begun = kind === "step" ? this.#begun.getStore() : undefined;
    return this.#begun.run(begun ?? this.#era, work);
  }

  /**
   * Gives the store another state, all at once: on disk in one transaction, then in memory, then to listeners. Writes that
   * were made before are durable first; those that come until `prepare` and the replacement are through are refused.
   * @throws {Error} what `prepare` throws, or why the disk refused; then all is as it was.
   */
  async replace(prepare: () => Promise<Replacement>): Promise<void> {
    if (this.#isReplacing) throw new StateReplaced();
    this.#isReplacing = true;
    this.#era++;
    try {
      await this.settled();
      const replacement = await prepare();
      // A compaction may be under way, which is no write.
      await this.settled();
      if (replacement.revision <= this.#assigned) throw new RangeError("the new state must be above the old one");
      this.#refuseWithoutWorker();
      await new Promise<void>((resolve, reject) => {
        this.#replacement = { resolve, reject };
        this.#worker.postMessage({ type: "replace", file: replacement.file } satisfies WorkerOrder);
      });
      this.#show(replacement);
    } finally {
      this.#era++;
      this.#isReplacing = false;
      this.#replacement = undefined;
    }
  }

  exclusively<T>(resource: string, key: string, work: () => T | Promise<T>): T | Promise<T> {
    return this.#locks.run(`${resource}\0${key}`, work);
  }

  async put({ resource, key, shape, object }: Put): Promise<StoredObject> {
    this.#refuseStale();
    const previous = this.get(resource, key);
    const revision = ++this.#assigned;
    object.metadata.resourceVersion = String(revision);
    const json = JSON.stringify(object);
    if (bytesIn(json) > MAX_OBJECT_BYTES) throw new ObjectTooLarge();
    const current: StoredObject = { resource, key, id: previous?.id ?? revision, revision, json, shape };
    await this.#write(current, { revision, resource, key, current, previous });
    return current;
  }

  async remove(resource: string, key: string): Promise<number> {
    this.#refuseStale();
    const previous = this.get(resource, key);
    if (!previous) throw new RangeError(`${resource} ${key} does not exist`);
    const revision = ++this.#assigned;
    const row = { ...previous, revision, json: undefined };
    await this.#write(row, { revision, resource, key, current: undefined, previous });
    return revision;
  }

  async settled(): Promise<void> {
    if (this.#inFlight || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#compaction);
    await this.settled();
    this.#worker.removeAllListeners("message");
    if (this.fault === undefined) {
      this.#worker.postMessage({ type: "close" } satisfies WorkerOrder);
      await once(this.#worker, "exit");
    }
    await this.#worker.terminate();
  }

  #objects(resource: string): SortedObjects {
    const known = this.#resources.get(resource);
    if (known) return known;
    const objects = new SortedObjects();
    this.#resources.set(resource, objects);
    return objects;
  }

  #refuseStale(): void {
    const begun = this.#begun.getStore();
    if (this.#isReplacing || (begun !== undefined && begun !== this.#era)) throw new StateReplaced();
  }

  #refuseWithoutWorker(): void {
    const reason = this.#gone ?? (this.#closing ? "the server is shutting down" : undefined);
    if (reason !== undefined) throw new StoreUnavailable(reason);
  }

  #write(row: RowWrite, change: Change): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#refuseWithoutWorker();
      const { id, revision, resource, key, shape, json } = row;
      this.#waiting.push({ row: { id, revision, resource, key, shape, json }, change, resolve, reject });
      // The rest of this turn of the event loop may bring more for the same batch.
      if (!this.#inFlight && this.#waiting.length === 1) setImmediate(() => this.#send());
    });
  }

  #send(): void {
    if (this.#inFlight || this.#replacement || (this.#waiting.length === 0 && this.#compactTo === undefined)) return;
    this.#inFlight = this.#waiting.splice(0, batchSize(this.#waiting));
    const order: WorkerOrder = {
      type: "commit",
      writes: this.#inFlight.map(({ row }) => row),
      compactTo: this.#compactTo,
    };
    this.#compactTo = undefined;
    this.#worker.postMessage(order);
  }

  #answered({ error }: WorkerAnswer): void {
    if (this.#replacement) {
      const { resolve, reject } = this.#replacement;
      if (error === undefined) resolve();
      else reject(new StoreUnavailable(`the new state could not be stored: ${error}`));
      return;
    }
    const batch = this.#inFlight ?? [];
    this.#inFlight = undefined;
    this.fault = error;
    if (error === undefined) this.#publish(batch);
    else for (const { reject } of batch) reject(new StoreUnavailable(`the write could not be stored: ${error}`));
    this.#send();
    if (!this.#inFlight) for (const wake of this.#idle.splice(0)) wake();
  }

  /** Shows a durable batch: first to readers, then to watchers, then to those who wrote. */
  #publish(batch: readonly PendingWrite[]): void {
    const at = Date.now();
    for (const { change } of batch) {
      if (change.current) this.#objects(change.resource).set(change.current);
      else this.#objects(change.resource).delete(change.key);
      this.#log.append(change, at);
      this.#revision = change.revision;
      for (const listener of this.#listeners.get(change.resource) ?? []) listener(change);
      for (const listener of this.#listeners.get(undefined) ?? []) listener(change);
    }
    for (const { resolve } of batch) resolve();
    if (this.#log.isOverfull) this.#forget();
    if (batch.length > 0) for (const listener of this.#revisionListeners) listener(this.#revision);
  }

  /** First what watches must know, so that they hear of nothing else; then to everybody each object that differs. */
  #show({ objects, revision }: Replacement): void {
    const old = this.#resources;
    const before = this.#revision;
    this.#resources = new Map();
    for (const object of objects) this.#objects(object.resource).set(object);
    this.#log = new ChangeLog(revision, this.#limits);
    this.#compactTo = undefined;
    this.#revision = revision;
    this.#assigned = revision;
    for (const listener of this.#replacedListeners) listener(before);
    for (const change of changesBetween(old, this.#resources, revision)) {
      for (const listener of this.#listeners.get(change.resource) ?? []) listener(change);
      for (const listener of this.#listeners.get(undefined) ?? []) listener(change);
    }
    for (const listener of this.#revisionListeners) listener(revision);
  }

  #compact(): void {
    this.#forget();
    this.#send();
  }

  /** Drops from memory at once, and from the file with the next batch. */
  #forget(): void {
    this.#compactTo = this.#log.compact(Date.now()) ?? this.#compactTo;
  }

  #workerGone(reason: string): void {
    this.fault = reason;
    this.#gone = reason;
    const replacement = this.#replacement ? [this.#replacement] : [];
    for (const { reject } of [...(this.#inFlight ?? []), ...this.#waiting.splice(0), ...replacement])
      reject(new StoreUnavailable(reason));
    this.#inFlight = undefined;
    for (const wake of this.#idle.splice(0)) wake();
  }
}

/** What the oldest change can be undone to. A mark stands for changes that are dropped, its own revision's among them. */
function floorOf([oldest]: readonly LoadedChange[]): number | undefined {
  if (!oldest) return undefined;
  const isMark = oldest.current === undefined && oldest.previous === undefined;
  return isMark ? oldest.revision : oldest.revision - 1;
}

function batchSize(waiting: readonly PendingWrite[]): number {
  let size = 0;
  let length = 0;
  for (const { row } of waiting) {
    length += row.json?.length ?? 0;
    if (size === MAX_BATCH || (size > 0 && length > MAX_BATCH_LENGTH)) break;
    size++;
  }
  return size;
}

/** Counted only where it matters: one character is three bytes of UTF-8 at most. */
function bytesIn(json: string): number {
  return json.length * 3 > MAX_OBJECT_BYTES ? Buffer.byteLength(json) : json.length;
}
