import type { Lease } from "../../src/api/core.ts";
import type { KubeObject, NewObject, ObjectKey, ResourceType } from "../../src/api/meta.ts";
import { ApiError, type WriteOptions } from "../../src/machinery/client.ts";

export type LeaseVerb = "get" | "create" | "update";

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
  readonly #faults: { readonly verb: LeaseVerb | "any"; readonly fault: LeaseFault }[] = [];
  #version = 0;

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

  /** As a client sees it. */
  client(): {
    get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, signal?: AbortSignal): Promise<T>;
    create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, signal?: AbortSignal): Promise<T>;
    update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  } {
    const answer = <T>(lease: Lease) => structuredClone(lease) as unknown as T;
    return {
      get: (_type, _key, signal) => this.#call("get", signal, () => answer(this.#found())),
      create: (_type, object, signal) =>
        this.#call("create", signal, () => {
          if (this.stored) throw refusal(409, "AlreadyExists");
          return answer(this.#store(object as unknown as Lease));
        }),
      update: (_type, object, { signal } = {}) =>
        this.#call("update", signal, () => {
          const { uid, resourceVersion } = this.#found().metadata;
          if (object.metadata.resourceVersion !== resourceVersion || object.metadata.uid !== uid) {
            throw refusal(409, "Conflict");
          }
          return answer(this.#store(object as unknown as Lease));
        }),
    };
  }

  async #call<T>(verb: LeaseVerb, signal: AbortSignal | undefined, work: () => T): Promise<T> {
    this.calls.push(verb);
    const at = this.#faults.findIndex((each) => each.verb === verb || each.verb === "any");
    const fault =
      this.#faults[at]?.verb === "any" ? this.#faults[at].fault : this.#faults.splice(at, at < 0 ? 0 : 1)[0]?.fault;
    await fault?.before?.(signal);
    signal?.throwIfAborted();
    const result = work();
    await fault?.after?.(signal);
    return result;
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
    this.stored = structuredClone({ ...lease, metadata });
    return this.stored;
  }
}

function refusal(code: number, reason: string): ApiError {
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
