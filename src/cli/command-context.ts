/** Where a client command writes, and what it reads beside its options. Tests give their own. */
export interface CommandContext {
  readonly stdout: CommandOutput;
  readonly stderr: CommandOutput;
  readonly env: NodeJS.ProcessEnv;
  /** Raised when the user has had enough. */
  readonly signal: AbortSignal;
}

/** The part of a process' output that commands use. */
export interface CommandOutput {
  /** Whether somebody reads it in a terminal. */
  readonly isTTY?: boolean;
  /** False: wait for `drain` before the next. */
  write(chunk: string | Uint8Array): unknown;
  once?(event: "drain", listener: () => void): unknown;
}

/** Of this process. `signal` is raised by `stop`, or when the reader of stdout has gone (`slipway logs | head`). */
export function processContext(stop: AbortSignal): CommandContext {
  const { stdout, stderr, env } = process;
  const unread = new AbortController();
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    unread.abort();
  });
  return { stdout, stderr, env, signal: AbortSignal.any([stop, unread.signal]) };
}

/** Writes, and waits while the reader is slower. @throws the reason of `signal` when it is raised meanwhile. */
export async function write(
  { stdout, signal }: Pick<CommandContext, "stdout" | "signal">,
  chunk: string | Uint8Array,
): Promise<void> {
  if (stdout.write(chunk) !== false || stdout.once === undefined) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  stdout.once("drain", resolve);
  try {
    signal.throwIfAborted();
    await promise;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
