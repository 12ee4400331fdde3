/** This process may not act any more, or not yet: another may lead. */
export class LeadershipLost extends Error {
  override readonly name = "LeadershipLost";
}

/**
 * Stands between a process and the outside that it changes. Asked synchronously right before anything leaves: a process that
 * stood still runs what was queued before it hears of a timer, and its clock is the first to know.
 */
export interface Fence {
  /** @throws {LeadershipLost} */
  check(): void;
  /** Aborted, for good, once nothing may leave any more: what is under way is broken off. */
  readonly closed: AbortSignal;
}
