/** Time as the code sees it, so that tests can set it. */
export interface Clock {
  /** Wall-clock time, for what people read. It may jump. */
  now(): Date;
  /** Milliseconds that never go back, for measuring spans. */
  monotonicMs(): number;
  /** Calls `callback` once after `ms`; the returned function cancels. Does not keep the process alive. */
  schedule(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  schedule(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
