/** What a failure asks of the caller. */
export type FailureKind =
  /** The request will never succeed as it is: wrong, forbidden (403), or over a quota. */
  | "terminal"
  /** The API key or its token is refused: somebody must provide another key. */
  | "unauthorized"
  /** Absent, or hidden by a policy. */
  | "notFound"
  /** Read again and decide anew: the name is taken, the object is still being deleted, or it changed (412). */
  | "conflict"
  /** Too many calls; by the service (429) or by this client's own budget (no status). */
  | "throttled"
  /** May succeed later without anybody's doing. */
  | "transient";

export interface Failure {
  readonly kind: FailureKind;
  /** Who answered, or should have. */
  readonly service: string;
  /** Completes "could not …". */
  readonly operation: string;
  /** What went wrong, in the service's words where it said any; free of secrets. */
  readonly said: string;
  /** HTTP status; absent when there was no answer, or none was asked for. */
  readonly status?: number | undefined;
  /** IBM's support finds the call by it. */
  readonly trace?: string | undefined;
  /** The service's own code, for people: only one of Code Engine's is published, so decide by `status`. */
  readonly code?: string | undefined;
  /** The field, parameter or header that was wrong. */
  readonly target?: string | undefined;
  /** When to try again at the earliest, where it is known. */
  readonly retryAfterMs?: number | undefined;
  /** A write that may have taken effect all the same: an attempt of it got no answer, or a broken one. */
  readonly uncertain?: boolean;
}

/** A call that failed. Neither it nor anything it refers to holds a key, a token, or the value of a secret. */
export class CodeEngineError extends Error implements Failure {
  override readonly name = "CodeEngineError";
  readonly kind: FailureKind;
  readonly service: string;
  readonly operation: string;
  readonly said: string;
  readonly status: number | undefined;
  readonly trace: string | undefined;
  readonly code: string | undefined;
  readonly target: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly uncertain: boolean;

  constructor(failure: Failure) {
    super(messageOf(failure));
    this.kind = failure.kind;
    this.service = failure.service;
    this.operation = failure.operation;
    this.said = failure.said;
    this.status = failure.status;
    this.trace = failure.trace;
    this.code = failure.code;
    this.target = failure.target;
    this.retryAfterMs = failure.retryAfterMs;
    this.uncertain = failure.uncertain ?? false;
  }
}

/** Whether `error` is a failed call of one of `kinds`. */
export function isFailure(error: unknown, ...kinds: readonly FailureKind[]): error is CodeEngineError {
  return error instanceof CodeEngineError && kinds.includes(error.kind);
}

function messageOf({ service, operation, said, status, target, trace }: Failure): string {
  const facts = [
    status === undefined ? undefined : `HTTP ${status}`,
    target === undefined ? undefined : `at ${target}`,
    trace === undefined ? undefined : `trace ${trace}`,
  ].filter((fact) => fact !== undefined);
  return `${service} could not ${operation}: ${said}${facts.length > 0 ? ` (${facts.join(", ")})` : ""}`;
}
