import type { Clock } from "./clock.ts";

export interface Deadline {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Makes the error when time runs out. */
  readonly onTimeout: () => Error;
}

/**
 * Runs `work` until it settles, `signal` aborts, or `timeoutMs` pass, whichever is first, also where `work` does not
 * listen. The signal that `work` gets aborts with either. Leaves no timer and no listener behind.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, signal, timeoutMs, onTimeout }: Deadline,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (reason: unknown): void => {
    reject(reason);
    controller.abort(reason);
  };
  const onAbort = (): void => stop(signal.reason);
  const cancel = clock.schedule(timeoutMs, () => stop(onTimeout()));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(controller.signal), stopped]);
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
