import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It is killed then, with all that it has started. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Who it runs as; absent: Slipway's own user. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Takes secrets out of what it wrote before that is part of an error. */
  readonly redact?: (output: string) => string;
}

/** What is kept of what a command writes, from the end. */
const KEPT_BYTES = 16 * 1024;

/** A command that failed. The message ends with what it wrote last. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  /** The end of its stdout and stderr. */
  readonly output: string;

  constructor(program: string, how: string, output: string) {
    super(`${program} ${how}${output === "" ? "" : `: ${output}`}`);
    this.output = output;
  }
}

/** Runs a program to its end, without a shell and in a group of its own. @throws {CommandFailed} */
export async function runCommand(
  [program = "", ...args]: readonly string[],
  { cwd, env, timeoutMs, signal, user, redact = (text) => text }: CommandOptions,
): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(program, args, { cwd, env, ...user, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = Buffer.alloc(0);
  let isCut = false;
  const keep = (chunk: Buffer) => {
    const whole = Buffer.concat([output, chunk]);
    isCut ||= whole.length > KEPT_BYTES;
    output = whole.subarray(-KEPT_BYTES);
  };
  const said = () => {
    const text = output.toString("utf8");
    // The rest of a word that was cut through may be that of a secret, which nobody would find in it.
    return redact(isCut ? text.replace(/^\S+/, "") : text).trim();
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let ended = "";
  const kill = (why: string) => {
    ended = why;
    // Its group lives as long as it is not reaped, so this is no other's.
    const isReaped = child.exitCode !== null || child.signalCode !== null;
    if (child.pid !== undefined && !isReaped) process.kill(-child.pid, "SIGKILL");
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const abort = () => kill("was given up");
  signal.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => kill(`took longer than ${timeoutMs / 1000} s`), timeoutMs);
  const fail = (how: string) => reject(new CommandFailed(program, how, said()));
  child.once("error", (error) => fail(`cannot be run: ${error.message}`));
  child.once("close", (code, by) => {
    if (ended === "" && code === 0) resolve();
    else fail(ended || (by ? `was ended by ${by}` : `ended with ${code}`));
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
