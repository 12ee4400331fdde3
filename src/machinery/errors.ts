import { isReason } from "./client.ts";
import type { Result } from "./reconciler.ts";

/**
 * Retrying cannot help until the object (its spec, or what it refers to) changes. `reason` becomes the reason of a
 * condition, `message` is for people and names the remedy; neither holds a secret.
 */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
  readonly reason: string;

  constructor(reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** Heals by itself or by somebody else's doing: the reconcile is retried with back-off, or after `retryAfterMs`. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  readonly reason: string;
  /** When the next attempt makes sense; absent where only the back-off decides. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: string, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** How one reconcile ended. Waiting is a value, not an error. */
export type Outcome =
  | { kind: "settled" }
  /** Healthy, not there yet. */
  | { kind: "waiting"; reason: string; requeueAfterMs: number }
  /** Needs a person. */
  | { kind: "stalled"; error: TerminalError }
  /** Transient: back off and retry. */
  | { kind: "failed"; error: unknown };

/**
 * Runs `work` and turns what it throws into an outcome that a status can tell.
 * @throws what says nothing about the object: a conflict (the object was read too long ago; the controller requeues it)
 * and whatever comes once `signal` is aborted (the process stops).
 */
export async function attempt(work: () => Promise<Outcome>, signal?: AbortSignal): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted || isReason(error, "Conflict")) throw error;
    return error instanceof TerminalError ? { kind: "stalled", error } : { kind: "failed", error };
  }
}

/** What a reconciler answers for `outcome`. @throws the error of `stalled` and `failed`, for the controller to judge. */
export function toResult(outcome: Outcome): Result {
  switch (outcome.kind) {
    case "settled":
      return {};
    case "waiting":
      return { requeueAfterMs: outcome.requeueAfterMs };
    case "stalled":
    case "failed":
      throw outcome.error;
    default:
      return outcome satisfies never;
  }
}
