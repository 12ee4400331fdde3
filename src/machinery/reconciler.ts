import type { ObjectKey } from "../api/meta.ts";

/** What a reconcile asks for when it did not fail. Empty: nothing, until something changes. */
export interface Result {
  /** Reconcile again after this long, changed or not. A change in between comes first; then its answer counts. */
  requeueAfterMs?: number;
}

/**
 * Drives one object from what is to what should be. Level-triggered: it gets a key, never an event, and any number of
 * missed or repeated calls ends in the same place. The controller never runs two for one key at once.
 */
export interface Reconciler {
  /**
   * Ends soon after `signal` is aborted (stop, or the controller's timeout for one reconcile).
   * @throws {TerminalError} no retry until the object changes
   * @throws {TransientError} retry after its `retryAfterMs`, or with back-off
   * @throws anything else: retry with back-off; a 409 without noise
   */
  reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result>;
}
