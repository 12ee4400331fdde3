import type { Lease } from "../../src/api/core.ts";
import type { KubeObject, NewObject, ObjectKey, ResourceType } from "../../src/api/meta.ts";
import { ApiError, type KubeClient, type WatchEvent, type WriteOptions } from "../../src/machinery/client.ts";

export type LeaseVerb = "get" | "create" | "update" | "watch";

/** The way of one candidate to the server and back: each request, answer and event takes as long as this does. */
export type Wire = (what: "request" | "answer" | "event", signal?: AbortSignal) => Promise<void> | void;

/** What befalls a call: before it is looked at, or after, when only its answer is missed. */
export interface LeaseFault {
  readonly before?: (signal?: AbortSignal) => Promise<void> | void;
  readonly after?: (signal?: AbortSignal) => Promise<void> | void;
}

/** One Lease, kept as an API server keeps it, for any number of candidates. */
export class MemoryLeases {
  stored: Lease | undefined;
  /** `get`, `create` and `update`, in the order in which they came. */
  readonly calls: LeaseVerb[] = [];
  /** How often a watch was begun. */
  watches = 0;
  /** What each watch is refused with. */
  watchRefusal: ApiError | undefined;
  readonly #faults: { readonly verb: LeaseVerb | "any"; readonly fault: LeaseFault }[] = [];
  readonly #watchers = new Set<Watcher>();
  #version = 0;

  /** Watches that are open. */
  get watching(): number {
    return this.#watchers.size;
  }

  /** Befalls the next call of this verb, or every one. */
  fail(verb: LeaseVerb | "any", fault: LeaseFault): void {
    this.#faults.push({ verb, fault });
  }

  heal(): void {
    this.#faults.length = 0;
  }

  /** Somebody else writes to it. */
  edit(change: (lease: Lease) => Partial<Lease>): void {
    if (!this.stored) throw new Error("there is no lease");
    this.#store({ ...this.stored, ...change(this.stored) });
  }

  /** Somebody else deletes it. */
  delete(): void {
    const former = this.#found();
    this.stored = undefined;
    for (const watcher of this.#watchers) watcher.push({ type: "DELETED", object: former });
  }

  /** Ends all watches: in order, or as it is told. */
  endWatches(how: "closed" | ApiError | Error = "closed"): void {
    for (const watcher of this.#watchers) {
      if (how instanceof ApiError) watcher.push({ type: "ERROR", object: how.status });
      else watcher.end(how === "closed" ? undefined : how);
    }
  }

  /** As a client sees it. */
  client(wire: Wire = () => undefined): Pick<KubeClient, "watch"> & {
    get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, signal?: AbortSignal): Promise<T>;
    create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, signal?: AbortSignal): Promise<T>;
    update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  } {
    const answer = <T>(lease: Lease) => structuredClone(lease) as unknown as T;
    return {
      get: (_type, _key, signal) => this.#call("get", { wire, signal }, () => answer(this.#found())),
      watch: <T extends KubeObject>(_type: ResourceType<T>, _options: unknown, signal: AbortSignal) =>
        this.#watch(wire, signal) as AsyncIterable<unknown> as AsyncIterable<WatchEvent<T>>,
      create: (_type, object, signal) =>
        this.#call("create", { wire, signal }, () => {
          if (this.stored) throw refusal(409, "AlreadyExists");
          return answer(this.#store(object as unknown as Lease));
        }),
      update: (_type, object, { signal } = {}) =>
        this.#call("update", { wire, signal }, () => {
          const { uid, resourceVersion } = this.#found().metadata;
          if (object.metadata.resourceVersion !== resourceVersion || object.metadata.uid !== uid) {
            throw refusal(409, "Conflict");
          }
          return answer(this.#store(object as unknown as Lease));
        }),
    };
  }

  async *#watch(wire: Wire, signal: AbortSignal): AsyncGenerator<WatchEvent<Lease>> {
    this.watches += 1;
    await wire("request", signal);
    await this.#faultOf("watch")?.before?.(signal);
    signal.throwIfAborted();
    if (this.watchRefusal) throw this.watchRefusal;
    const watcher = new Watcher(wire, signal);
    this.#watchers.add(watcher);
    try {
      if (this.stored) watcher.push({ type: "ADDED", object: this.stored });
      yield* watcher.events();
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async #call<T>(verb: LeaseVerb, { wire, signal }: { wire: Wire; signal?: AbortSignal | undefined }, work: () => T) {
    this.calls.push(verb);
    await wire("request", signal);
    const fault = this.#faultOf(verb);
    await fault?.before?.(signal);
    signal?.throwIfAborted();
    const result = work();
    await fault?.after?.(signal);
    await wire("answer", signal);
    return result;
  }

  #faultOf(verb: LeaseVerb): LeaseFault | undefined {
    const at = this.#faults.findIndex((each) => each.verb === verb || each.verb === "any");
    const found = this.#faults[at];
    if (found?.verb === verb) this.#faults.splice(at, 1);
    return found?.fault;
  }

  #found(): Lease {
    if (!this.stored) throw refusal(404, "NotFound");
    return this.stored;
  }

  #store(lease: Lease): Lease {
    const version = ++this.#version;
    const metadata = {
      ...lease.metadata,
      uid: this.stored?.metadata.uid ?? `uid-${version}`,
      resourceVersion: `${version}`,
    };
    const type = this.stored ? "MODIFIED" : "ADDED";
    const stored = structuredClone({ ...lease, metadata });
    this.stored = stored;
    for (const watcher of this.#watchers) watcher.push({ type, object: stored });
    return stored;
  }
}

/** Events on their way to one candidate, in order. */
class Watcher {
  readonly #wire: Wire;
  readonly #signal: AbortSignal;
  readonly #under: (() => Promise<WatchEvent<Lease> | undefined>)[] = [];
  #more = Promise.withResolvers<void>();

  constructor(wire: Wire, signal: AbortSignal) {
    this.#wire = wire;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#more.resolve(), { once: true });
  }

  push(event: WatchEvent<Lease>): void {
    const arrived = Promise.resolve(this.#wire("event", this.#signal));
    this.#add(async () => {
      await arrived;
      return structuredClone(event);
    });
  }

  end(error: Error | undefined): void {
    this.#add(async () => {
      if (error) throw error;
      return undefined;
    });
  }

  async *events(): AsyncGenerator<WatchEvent<Lease>> {
    for (;;) {
      this.#signal.throwIfAborted();
      const next = this.#under.shift();
      if (next) {
        const event = await next();
        this.#signal.throwIfAborted();
        if (!event) return;
        yield event;
      } else await this.#more.promise;
    }
  }

  #add(next: () => Promise<WatchEvent<Lease> | undefined>): void {
    this.#under.push(next);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
    if (this.#signal.aborted) this.#more.resolve();
  }
}

export function refusal(code: number, reason: string): ApiError {
  const status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: reason,
    reason,
    code,
  } as const;
  return new ApiError(status);
}

/** Never answers, and ends with the signal alone. */
export async function hangs(signal?: AbortSignal): Promise<void> {
  await new Promise<void>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Not even that. */
export async function hangsForEver(): Promise<void> {
  await new Promise<void>(() => undefined);
}

export function isGone(): void {
  throw new Error("connect ECONNREFUSED");
}
