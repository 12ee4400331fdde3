/** A part of the process that lives as long as the manager lets it. */
export interface Runnable {
  readonly name: string;
  /**
   * Runs until `stop` is aborted, then finishes what it has begun and resolves; `abort` ends that too. Rejects when it
   * cannot go on. Ending before `stop`, either way, brings the manager down.
   */
  run(stop: AbortSignal, abort: AbortSignal): Promise<void>;
  /** False as long as those that start after it must wait; absent: never. */
  isReady?(): boolean;
  /** Resolves when `isReady` first answers true. */
  whenReady?(signal: AbortSignal): Promise<void>;
  /** Aborted when the right to act that this part stands for is gone: those that act break off at once, and the process ends. */
  readonly lost?: AbortSignal;
}
