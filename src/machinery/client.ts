import type { KubeList, KubeObject, NewObject, ObjectKey, ResourceType, StatusFailure } from "../api/meta.ts";

/** What a list or watch is narrowed to. An absent namespace means all of them. */
export interface ListScope {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface ListOptions extends ListScope {
  /** Page size; absent means everything in one page. */
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: "Exact" | "NotOlderThan";
}

export interface WatchOptions extends ListScope {
  resourceVersion?: string;
  allowWatchBookmarks?: boolean;
  timeoutSeconds?: number;
}

/** One line of a watch. `BOOKMARK` objects carry a resourceVersion only. */
export type WatchEvent<T extends KubeObject> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | { type: "BOOKMARK"; object: KubeObject }
  | { type: "ERROR"; object: StatusFailure };

export type Patch =
  | { type: "merge"; body: unknown }
  | { type: "json"; body: readonly unknown[] }
  | { type: "apply"; body: unknown; fieldManager: string; force?: boolean };

/**
 * A Kubernetes API server, spoken to over HTTPS. Every call ends at `signal` or at the client's own timeout.
 * @throws {ApiError} for every answer that is not a success, and `ApiUnreachable` where there was none.
 */
export interface KubeClient {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, signal?: AbortSignal): Promise<T>;
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions, signal?: AbortSignal): Promise<KubeList<T>>;
  /** Ends without an error when the server closes the watch. */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>, signal?: AbortSignal): Promise<T>;
  /** Replaces; a `resourceVersion` in the object makes it conditional. */
  update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>;
  delete<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** For what has no resource type: reviews, subresources, discovery. `path` begins with a slash. */
  request<R>(method: "GET" | "POST" | "PUT", path: string, body?: unknown, signal?: AbortSignal): Promise<R>;
}

export interface WriteOptions {
  subresource?: "status";
  fieldManager?: string;
  signal?: AbortSignal;
}

export interface DeleteOptions {
  propagationPolicy?: "Background" | "Foreground" | "Orphan";
  preconditions?: { uid?: string; resourceVersion?: string };
  signal?: AbortSignal;
}

/** A refusal by the API server. `reason` is the Status reason, such as `NotFound`, `Conflict`, `Expired`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: number;
  readonly reason: string;
  readonly status: StatusFailure;
  /** What a Retry-After header or `details.retryAfterSeconds` asked for. */
  readonly retryAfterMs: number | undefined;

  constructor(status: StatusFailure, retryAfterMs?: number) {
    super(status.message);
    this.code = status.code;
    this.reason = status.reason ?? "Unknown";
    this.status = status;
    this.retryAfterMs = retryAfterMs ?? ((status.details?.retryAfterSeconds ?? 0) * 1000 || undefined);
  }
}

/** The API server gave no answer: refused, reset, timed out, or spoke something else. */
export class ApiUnreachable extends Error {
  override readonly name = "ApiUnreachable";
}

/**
 * The API server, or something in its place, spoke what cannot be read: asking the same again may get the same. An
 * informer that meets one in a watch lists anew instead of resuming.
 */
export class MalformedAnswer extends ApiUnreachable {}

/** True for the Status reasons that an idempotent caller expects, for example `isReason(error, "NotFound")`. */
export function isReason(error: unknown, ...reasons: string[]): error is ApiError {
  return error instanceof ApiError && reasons.includes(error.reason);
}
