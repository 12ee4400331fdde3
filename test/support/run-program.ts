import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface ProgramOptions {
  readonly cwd?: string;
  /** All that it gets, beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Both outputs, line by line. */
  readonly say?: (line: string) => void;
}

/** Runs a program to its end, without a shell. Answers its standard output. @throws {Error} with what it said, when it fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env = {}, signal, say }: ProgramOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd !== undefined && { cwd }),
    ...(signal && { signal }),
  });
  const [out, all]: [string[], string[]] = [[], []];
  createInterface({ input: child.stdout }).on("line", (line) => {
    out.push(line);
    all.push(line);
    say?.(line);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    all.push(line);
    say?.(line);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  const code = await promise;
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${all.slice(-20).join("\n")}`);
  return out.join("\n");
}
