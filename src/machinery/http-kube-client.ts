import { setTimeout as sleep } from "node:timers/promises";
import {
  apiVersionOf,
  type KubeList,
  type KubeObject,
  type NewObject,
  type ObjectKey,
  type ResourceType,
} from "../api/meta.ts";
import { isStatusFailure, readAnswer, refusalOf } from "./api-answer.ts";
import type { ApiCallMetrics } from "./api-calls.ts";
import {
  ApiError,
  ApiUnreachable,
  type DeleteOptions,
  type KubeClient,
  type ListOptions,
  MalformedAnswer,
  type Patch,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from "./client.ts";
import { createCredentialSource } from "./credentials.ts";
import type { Fence } from "./fence.ts";
import { type HttpRequest, HttpTransport } from "./http-transport.ts";
import { JsonLines } from "./json-lines.ts";
import { type KubeconfigSource, loadKubeTarget } from "./kubeconfig.ts";
import { ObservedTransport, type Transport } from "./observed-transport.ts";
import { PacedTransport } from "./paced-transport.ts";
import type { RequestPace } from "./request-pace.ts";
import { collectionPath, objectPath, queryString } from "./resource-path.ts";
import type { Tracer } from "./tracer.ts";

export interface KubeClientOptions extends KubeconfigSource {
  /** For one exchange; default 30 s. A list page or a slow admission webhook (at most 30 s) fits in. */
  requestTimeoutMs?: number;
  /** Default `slipway`. */
  userAgent?: string;
  /** Of one answer; default 64 MiB. */
  maxBodyBytes?: number;
  /** Of one line of a watch; default 16 MiB, far above the 1.5 MiB that etcd takes for an object. */
  maxWatchLineBytes?: number;
  /** Asked before each request leaves; nothing is asked of the API server while it does not stand. */
  fence?: Fence | undefined;
  /** What its requests keep to, and those of other clients that share it. Watches do not count. Default: none. */
  pace?: RequestPace | undefined;
  metrics?: ApiCallMetrics;
  /** A span for each exchange that is part of a trace. */
  tracer?: Tracer;
}

/** Ends its connections when disposed. */
export type DisposableKubeClient = KubeClient & Disposable;

/**
 * A client for the API server that the kubeconfig's current context names; none named: KUBECONFIG, else the pod's
 * service account. Reads files, asks the server nothing.
 * @throws {Error} naming what is wrong with the kubeconfig.
 */
export async function createKubeClient(options: KubeClientOptions): Promise<DisposableKubeClient> {
  const target = await loadKubeTarget(options);
  const transport = new HttpTransport({
    server: target.cluster.server,
    credentials: createCredentialSource(target, () => performance.now()),
    userAgent: options.userAgent ?? "slipway",
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    maxBodyBytes: options.maxBodyBytes ?? 64 * 2 ** 20,
    fence: options.fence,
  });
  const { pace, metrics, maxWatchLineBytes = 16 * 2 ** 20 } = options;
  const observed = new ObservedTransport(transport, options);
  const paced = pace ? new PacedTransport(observed, pace, metrics) : observed;
  return new HttpKubeClient(paced, maxWatchLineBytes);
}

/** A refusal that names a time is repeated after it, this often; the rest is the caller's back-off. */
const MAX_RETRIES = 3;
/** Longer waits are not slept through: a worker would stand still. The error carries them to the queue. */
const MAX_RETRY_WAIT_MS = 5_000;

const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  // JSON is YAML; since 1.32 servers know application/apply-patch+json too, older ones only this.
  apply: "application/apply-patch+yaml",
} as const;

class HttpKubeClient implements DisposableKubeClient {
  readonly #transport: Transport;
  readonly #maxWatchLineBytes: number;

  constructor(transport: Transport, maxWatchLineBytes: number) {
    this.#transport = transport;
    this.#maxWatchLineBytes = maxWatchLineBytes;
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, signal?: AbortSignal): Promise<T> {
    return this.#call<T>({ method: "GET", path: objectPath(type, key), signal });
  }

  async list<T extends KubeObject>(
    type: ResourceType<T>,
    options: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<KubeList<T>> {
    const { namespace, ...parameters } = options;
    const path = collectionPath(type, namespace) + queryString(parameters);
    const list = await this.#call<KubeList<T>>({ method: "GET", path, signal });
    if (!hasVersion(list) || !Array.isArray(list.items) || !list.items.every(isNamed)) {
      throw new MalformedAnswer(`GET ${path}: is not a list`);
    }
    // Items of built-in kinds come without their kind.
    const typeMeta = { apiVersion: apiVersionOf(type), kind: type.kind };
    return { ...list, items: list.items.map((item) => (item.kind ? item : { ...typeMeta, ...item })) };
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const { namespace, ...parameters } = options;
    const path = collectionPath(type, namespace) + queryString({ watch: true, ...parameters });
    const response = await this.#openWatch({ method: "GET", path, signal });
    const lines = new JsonLines(this.#maxWatchLineBytes);
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        for (const line of lines.push(chunk)) yield watchEvent<T>(line);
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof ApiUnreachable) throw error;
      throw new ApiUnreachable(`watch ${type.plural}: the connection broke`, { cause: error });
    } finally {
      response.destroy();
    }
  }

  create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, signal?: AbortSignal): Promise<T> {
    const { namespace } = object.metadata;
    if (type.namespaced && !namespace) throw new TypeError(`${type.plural}: create needs metadata.namespace`);
    return this.#call<T>({ method: "POST", path: collectionPath(type, namespace), body: object, signal });
  }

  update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace = "", name } = object.metadata;
    const path = objectPath(type, { namespace, name }, options.subresource);
    const query = queryString({ fieldManager: options.fieldManager });
    return this.#call<T>({ method: "PUT", path: path + query, body: object, signal: options.signal });
  }

  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    const query = queryString(
      patch.type === "apply"
        ? { fieldManager: patch.fieldManager, force: patch.force }
        : { fieldManager: options.fieldManager },
    );
    const path = objectPath(type, key, options.subresource) + query;
    const contentType = PATCH_TYPES[patch.type];
    return this.#call<T>({ method: "PATCH", path, body: patch.body, contentType, signal: options.signal });
  }

  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { signal, ...body } = options;
    await this.#call({ method: "DELETE", path: objectPath(type, key), body, signal });
  }

  request<R>(method: "GET" | "POST" | "PUT", path: string, body?: unknown, signal?: AbortSignal): Promise<R> {
    return this.#call<R>({ method, path, body, signal });
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }

  /** The caller names the shape, as it names the resource: the server has validated its objects against the schema. */
  async #call<R>(request: HttpRequest): Promise<R> {
    const what = describe(request);
    return this.#retrying(request, async () => readAnswer(await this.#transport.send(request), what) as R);
  }

  #openWatch(request: HttpRequest) {
    return this.#retrying(request, async () => {
      const answer = await this.#transport.stream(request);
      if ("text" in answer) throw refusalOf(answer, describe(request));
      return answer;
    });
  }

  async #retrying<R>(request: HttpRequest, run: () => Promise<R>): Promise<R> {
    let renewed = false;
    for (let retries = 0; ; retries++) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === 401 && !renewed) {
          renewed = true;
          this.#transport.renewCredentials();
          continue;
        }
        const waitMs = error.retryAfterMs;
        const worthWaiting = waitMs !== undefined && waitMs <= MAX_RETRY_WAIT_MS && retries < MAX_RETRIES;
        if (!worthWaiting || !mayRepeat(request, error.code)) throw error;
        await sleep(waitMs, undefined, request.signal ? { signal: request.signal } : {}).catch(() => {
          throw request.signal?.reason;
        });
      }
    }
  }
}

/** 429 was refused before it was looked at; 503 may have come from a server that stopped half-way. */
function mayRepeat({ method, contentType }: HttpRequest, code: number): boolean {
  if (code === 429) return true;
  return code === 503 && method !== "POST" && contentType !== PATCH_TYPES.json;
}

function describe({ method, path }: HttpRequest): string {
  return `${method} ${path.split("?", 1)[0]}`;
}

function watchEvent<T extends KubeObject>(line: unknown): WatchEvent<T> {
  if (typeof line === "object" && line !== null && "type" in line && "object" in line) {
    const { type, object } = line;
    if (type === "ERROR" && isStatusFailure(object)) return { type, object };
    if (type === "BOOKMARK" && hasVersion(object)) return { type, object };
    if ((type === "ADDED" || type === "MODIFIED" || type === "DELETED") && isNamed(object)) {
      return { type, object: object as T };
    }
  }
  throw new MalformedAnswer("watch: a line is not a watch event");
}

/** The server validates its objects; what the machinery itself stands on is looked at once more. */
function hasVersion(object: unknown): object is KubeObject {
  const { metadata } = (object ?? {}) as { metadata?: { resourceVersion?: unknown } };
  return typeof metadata?.resourceVersion === "string";
}

function isNamed(object: unknown): object is KubeObject {
  return hasVersion(object) && typeof object.metadata.name === "string" && object.metadata.name !== "";
}
