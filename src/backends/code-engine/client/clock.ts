/** Time as this client sees it, so that tests can set it. */
export interface Clock {
  /** Wall-clock time. */
  now(): Date;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Calls `callback` once after `ms`; the returned function cancels. */
  schedule(ms: number, callback: () => void): () => void;
}

/** Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  schedule(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or rejects with the reason of `signal`. Leaves no timer and no listener behind. */
export async function delay(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = clock.schedule(ms, resolve);
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
