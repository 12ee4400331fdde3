import { execFile } from "node:child_process";

export interface CommandOptions {
  readonly timeoutMs: number;
}

/** Runs a program of the system to its end. @throws {Error} with what it wrote to stderr where it fails. */
export function run([program = "", ...args]: readonly string[], { timeoutMs }: CommandOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  execFile(program, args, { timeout: timeoutMs, maxBuffer: 64 * 1024 }, (error, _stdout, stderr) => {
    if (error) reject(new Error(`${program}: ${stderr.trim() || error.message}`, { cause: error }));
    else resolve();
  });
  return promise;
}
