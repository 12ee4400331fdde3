import type { Clock } from "./clock.ts";

/** Resolves after `ms`, or as soon as `signal` is aborted: never rejects, so the caller looks at the signal. */
export function delay(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted || ms <= 0) {
    resolve();
    return promise;
  }
  const cancel = clock.schedule(ms, () => {
    signal.removeEventListener("abort", stop);
    resolve();
  });
  const stop = () => {
    cancel();
    resolve();
  };
  signal.addEventListener("abort", stop, { once: true });
  return promise;
}
