import { formatKey, type KubeObject, keyOf, type ObjectKey, type ResourceType } from "../api/meta.ts";
import { backoffMs, jittered } from "./backoff.ts";
import {
  ApiError,
  ApiUnreachable,
  type KubeClient,
  type ListScope,
  MalformedAnswer,
  type WatchEvent,
} from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { delay } from "./clock-delay.ts";
import type { ChangeHandler, ChangeSource, IndexFunction, Lister } from "./lister.ts";
import type { Logger } from "./logger.ts";
import { type CacheChange, ObjectCache } from "./object-cache.ts";
import type { Runnable } from "./runnable.ts";
import { Watchdog } from "./watchdog.ts";

export interface InformerOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly type: ResourceType<T>;
  readonly logger: Logger;
  /** Narrows the cache: a namespace, a label selector, a field selector. */
  readonly scope?: ListScope;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Drops what nobody reads before an object is kept, such as `dropManagedFields`. May change its argument. */
  readonly transform?: (object: T) => T;
  readonly metrics?: InformerMetrics;
  readonly clock?: Clock;
  readonly timing?: Partial<InformerTiming>;
}

/** Called synchronously; each may be a counter or a histogram of its own. */
export interface InformerMetrics {
  /** A complete list was taken in: the first one, or another since the watch could not be resumed. */
  listed?(objects: number, tookMs: number): void;
  /** A sign of life came over the watch after this much silence: so old the cache may have been. */
  contact?(silentMs: number): void;
  watchEnded?(why: WatchEnd): void;
  /** Called once, with what tells at any time how many objects are kept. */
  attached?(informer: { readonly size: number }): void;
}

/** `closed` by the server, cut since it was `silent`, `expired` (410: list anew), or `failed` in another way. */
export type WatchEnd = "closed" | "silent" | "expired" | "failed";

export interface InformerTiming {
  /** Objects per page of a list; client-go's default. */
  readonly pageSize: number;
  /** A watch without any line for this long is cut and resumed. API servers send a bookmark about once a minute. */
  readonly silenceMs: number;
  /** The server is asked to end a watch after this to twice this, so that watches spread over its replicas. */
  readonly watchTimeoutMs: number;
  /** A watch that lived this long was healthy: only then a failure starts again at the shortest delay. */
  readonly healthyAfterMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

const DEFAULT_TIMING: InformerTiming = {
  pageSize: 500,
  silenceMs: 90_000,
  watchTimeoutMs: 300_000,
  healthyAfterMs: 10_000,
  minBackoffMs: 200,
  maxBackoffMs: 30_000,
};

/** One warning as an outage begins, and one for each five minutes that it lasts, at the longest back-off. */
const ATTEMPTS_PER_WARNING = 10;

/**
 * Keeps a cache of one kind in step with the API server: lists once, then watches, and resumes where it was after every
 * interruption. Lists anew only where the server no longer knows that place. Handlers run after the cache has the change.
 */
export class Informer<T extends KubeObject> implements Lister<T>, ChangeSource<T>, Runnable {
  readonly name: string;
  readonly #options: InformerOptions<T>;
  readonly #timing: InformerTiming;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #cache: ObjectCache<T>;
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #running = false;
  /** Where the watch resumes; absent: a list is due. */
  #resourceVersion: string | undefined;
  #failures = 0;

  constructor(options: InformerOptions<T>) {
    this.name = `informer ${options.type.plural}`;
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger.child({ informer: options.type.plural });
    this.#cache = new ObjectCache(this.#contained(options.indexes ?? {}));
    options.metrics?.attached?.(this);
  }

  get size(): number {
    return this.#cache.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#cache.get(key);
  }

  list(namespace?: string): readonly T[] {
    return this.#cache.list(namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#cache.list()) this.#tell(handler, { before: undefined, after: object });
    return () => this.#handlers.delete(handler);
  }

  hasSynced(): boolean {
    return this.#hasSynced;
  }

  isReady(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the cache holds a complete list. @throws the reason of `signal` when that comes first. */
  async whenReady(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await Promise.race([this.#synced.promise, stopped.promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Rejects only for a defect: whatever the server does is retried, with growing, jittered delays. */
  async run(stop: AbortSignal): Promise<void> {
    if (this.#running) throw new Error(`${this.name} runs already`);
    this.#running = true;
    while (!stop.aborted) {
      const problem = await this.#listAndWatch(stop);
      if (stop.aborted) return;
      if (this.#failures > 0) await delay(this.#clock, this.#nextDelayMs(problem), stop);
    }
  }

  /** One turn: a list where one is due, and a watch until it ends. Answers what went wrong, if anything. */
  async #listAndWatch(stop: AbortSignal): Promise<unknown> {
    let watchedSinceMs = Number.POSITIVE_INFINITY;
    let problem: unknown;
    try {
      this.#resourceVersion ??= await this.#takeList(stop);
      watchedSinceMs = this.#clock.monotonicMs();
      const end = await this.#watch(this.#resourceVersion, stop);
      this.#options.metrics?.watchEnded?.(end);
    } catch (error) {
      if (stop.aborted) return undefined;
      if (!(error instanceof ApiError || error instanceof ApiUnreachable)) throw error;
      if (Number.isFinite(watchedSinceMs)) {
        const end = this.#judge(error);
        this.#options.metrics?.watchEnded?.(end);
      }
      problem = error;
    }
    // An ended watch is no failure, unless it ended at once: a server that closes each would be asked without pause.
    const healthy = this.#clock.monotonicMs() - watchedSinceMs >= this.#timing.healthyAfterMs;
    this.#failures = (healthy ? 0 : this.#failures) + (healthy && problem === undefined ? 0 : 1);
    return problem;
  }

  /** Decides whether the place in the server's history is lost, so that a list is due. */
  #judge(error: ApiError | ApiUnreachable): WatchEnd {
    const expired = error instanceof ApiError && error.code === 410;
    if (expired || error instanceof MalformedAnswer) this.#resourceVersion = undefined;
    return expired ? "expired" : "failed";
  }

  #nextDelayMs(problem: unknown): number {
    const { minBackoffMs, maxBackoffMs } = this.#timing;
    const ownMs = jittered(backoffMs(this.#failures - 1, minBackoffMs, maxBackoffMs));
    const askedMs = problem instanceof ApiError ? (problem.retryAfterMs ?? 0) : 0;
    const waitMs = Math.round(Math.max(ownMs, Math.min(askedMs, maxBackoffMs)));
    if (problem !== undefined) {
      const level = this.#failures % ATTEMPTS_PER_WARNING === 1 || !this.#hasSynced ? "warn" : "debug";
      const next = this.#resourceVersion === undefined ? "list" : "watch";
      this.#logger[level](`${next} again in ${waitMs} ms: ${messageOf(problem)}`, { failures: this.#failures });
    }
    return waitMs;
  }

  /** Replaces the cache by what the server has, and answers the version that this is. */
  async #takeList(signal: AbortSignal): Promise<string> {
    const startedMs = this.#clock.monotonicMs();
    const { items, resourceVersion } = await this.#allPages(signal);
    const changes = this.#cache.replace(items);
    this.#hasSynced = true;
    for (const change of changes) this.#tellAll(change);
    this.#synced.resolve();
    this.#options.metrics?.listed?.(items.length, this.#clock.monotonicMs() - startedMs);
    this.#logger.debug("listed", { objects: items.length, changes: changes.length });
    return resourceVersion;
  }

  async #allPages(signal: AbortSignal): Promise<{ items: T[]; resourceVersion: string }> {
    const { client, type, scope } = this.#options;
    let page = await client.list(type, { ...scope, limit: this.#timing.pageSize }, signal);
    // Page by page: what is dropped of ten thousand objects need not be there at once.
    const items = page.items.map((item) => this.#prepared(item));
    while (page.metadata.continue) {
      try {
        const options = { ...scope, limit: this.#timing.pageSize, continue: page.metadata.continue };
        page = await client.list(type, options, signal);
        for (const item of page.items) items.push(this.#prepared(item));
      } catch (error) {
        // The pages took longer than the server remembers: what it has now, in one piece, cannot expire under way.
        if (!(error instanceof ApiError) || error.code !== 410) throw error;
        const whole = await client.list(type, { ...scope }, signal);
        return {
          items: whole.items.map((item) => this.#prepared(item)),
          resourceVersion: whole.metadata.resourceVersion,
        };
      }
    }
    return { items, resourceVersion: page.metadata.resourceVersion };
  }

  async #watch(resourceVersion: string, stop: AbortSignal): Promise<WatchEnd> {
    const { client, type, scope, metrics } = this.#options;
    const timeoutSeconds = Math.ceil((this.#timing.watchTimeoutMs * (1 + Math.random())) / 1000);
    using watchdog = new Watchdog(this.#clock, this.#timing.silenceMs);
    const signal = AbortSignal.any([stop, watchdog.signal]);
    try {
      const options = { ...scope, resourceVersion, allowWatchBookmarks: true, timeoutSeconds };
      for await (const event of client.watch(type, options, signal)) {
        const silentMs = watchdog.touch();
        metrics?.contact?.(silentMs);
        this.#take(event);
      }
      return "closed";
    } catch (error) {
      if (watchdog.signal.aborted && !stop.aborted) return "silent";
      throw error;
    }
  }

  #take(event: WatchEvent<T>): void {
    switch (event.type) {
      case "ADDED":
      case "MODIFIED":
        this.#tellAll(this.#cache.set(this.#prepared(event.object)));
        break;
      case "DELETED":
        this.#tellAll(this.#cache.delete(keyOf(event.object)));
        break;
      case "BOOKMARK":
        break;
      case "ERROR":
        throw new ApiError(event.object);
      default:
        event satisfies never;
    }
    this.#resourceVersion = event.object.metadata.resourceVersion;
  }

  #prepared(object: T): T {
    const { transform } = this.#options;
    if (!transform) return object;
    try {
      return transform(object);
    } catch (error) {
      this.#logDefect("the transform", object, error);
      return object;
    }
  }

  /** An object that an index function cannot take is left out of that index: it must not stop the others. */
  #contained(indexes: Readonly<Record<string, IndexFunction<T>>>): Record<string, IndexFunction<T>> {
    const contain = ([name, valuesOf]: [string, IndexFunction<T>]): [string, IndexFunction<T>] => [
      name,
      (object) => {
        try {
          return valuesOf(object);
        } catch (error) {
          this.#logDefect(`index ${name}`, object, error);
          return [];
        }
      },
    ];
    return Object.fromEntries(Object.entries(indexes).map(contain));
  }

  #tellAll(change: CacheChange<T> | undefined): void {
    if (!change) return;
    for (const handler of this.#handlers) this.#tell(handler, change);
  }

  /** One handler's defect stays its own. */
  #tell(handler: ChangeHandler<T>, { before, after }: CacheChange<T>): void {
    try {
      handler(before, after);
    } catch (error) {
      this.#logDefect("a handler", after ?? before, error);
    }
  }

  #logDefect(what: string, object: T | undefined, error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.#logger.error(`${what} failed: ${messageOf(error)}`, { key: object && formatKey(keyOf(object)), stack });
  }
}

/** A transform for kinds whose field owners nobody reads: they are often half of an object. */
export function dropManagedFields<T extends KubeObject>(object: T): T {
  // A copy without them: V8 would keep what was deleted from as a hash table, of four times the size.
  const { managedFields: _, ...metadata } = object.metadata;
  object.metadata = metadata;
  return object;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
