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
  /** False: wait for `drain` before the next. */
  write(chunk: string | Uint8Array): unknown;
  once?(event: "drain", listener: () => void): unknown;
}

/** Writes, and waits while the reader is slower. */
export async function write(output: CommandOutput, chunk: string | Uint8Array): Promise<void> {
  if (output.write(chunk) !== false || output.once === undefined) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  output.once("drain", resolve);
  await promise;
}

/** Text of strangers on a terminal: without the characters that move its cursor, colour it or forge a line. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}
