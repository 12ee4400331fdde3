import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { findProgram } from "./find-program.ts";
import { environmentOf, type ProcessSpec, type ProcessUser } from "./process-spec.ts";
import { systemCode } from "./system-error.ts";

export interface LaunchOptions {
  readonly runId: string;
  readonly user: ProcessUser | undefined;
  /** Slipway's own PATH. */
  readonly path: string;
  /** The workload's own folder. */
  readonly home: string;
  /** File descriptor that takes its stderr, and its stdout where that is no connection. */
  readonly output: number;
  /** util-linux's `prlimit`; undefined: there is none, and limits are not kept. */
  readonly prlimit: string | undefined;
}

/** Its program could not be run. The message is for people. */
export class NotLaunched extends Error {
  override readonly name = "NotLaunched";
}

/**
 * Starts the process in a session of its own, without a shell.
 * @throws {NotLaunched} when there is no such program or folder, or the system refuses.
 */
export async function launch(
  spec: ProcessSpec,
  options: LaunchOptions,
): Promise<ChildProcess & { readonly pid: number }> {
  const { user, home, output } = options;
  const env = environmentOf(spec, { path: options.path, home, run: options.runId });
  const cwd = spec.workingDirectory ?? home;
  if (!(await isFolder(cwd))) throw new NotLaunched(`the working directory ${cwd} does not exist`);
  const [name = "", ...args] = spec.argv;
  const program = await findProgram(name, { path: env.PATH ?? "", directory: cwd });
  if (program === undefined) {
    throw new NotLaunched(
      `there is no program ${JSON.stringify(name)} that can be run; give its absolute path, or set PATH`,
    );
  }
  const [file = program, ...argv] = limited([program, ...args], spec, options);
  const child = spawned(() =>
    spawn(file, argv, {
      cwd,
      env,
      ...user,
      detached: true,
      stdio: spec.streams === "lines" ? ["pipe", "pipe", output] : ["ignore", output, output],
    }),
  );
  const { pid } = child;
  if (pid !== undefined) return Object.assign(child, { pid });
  const [error] = await once(child, "error");
  throw new NotLaunched(`${program} cannot be run: ${systemCode(error) ?? String(error)}`);
}

/** Some errors come with an event, others (a list of arguments that is too long, a user that may not be taken) are thrown. */
function spawned(start: () => ChildProcess): ChildProcess {
  try {
    return start();
  } catch (error) {
    throw new NotLaunched(`the system refuses to start it: ${systemCode(error) ?? String(error)}`, { cause: error });
  }
}

/** `prlimit` sets the limits and becomes the program, under the same pid. A dump of memory would hold secrets. */
function limited(argv: readonly string[], spec: ProcessSpec, { prlimit, user }: LaunchOptions): readonly string[] {
  if (prlimit === undefined) return argv;
  // The kernel counts by user: shared with others it would be their limit, too.
  const processes = user && spec.maxProcesses !== undefined ? [`--nproc=${spec.maxProcesses}`] : [];
  return [prlimit, "--core=0", ...processes, "--", ...argv];
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
