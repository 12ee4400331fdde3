import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { findProgram } from "./find-program.ts";
import { openFolder } from "./open-folder.ts";
import {
  environmentOf,
  type ProcessConfinement,
  type ProcessSpec,
  type ProcessUser,
  splitEnvironment,
} from "./process-spec.ts";
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
  readonly tools: LaunchTools;
  /** Undefined: there is none that works, or the program asks for none. */
  readonly sandbox: Sandbox | undefined;
}

/** Programs of util-linux, and one of coreutils. What there is not, is not kept. */
export interface LaunchTools {
  /** For limits. */
  readonly prlimit: string | undefined;
  /** So that no program gains privileges. */
  readonly setpriv: string | undefined;
  /** To set what those before it must not have. */
  readonly env: string | undefined;
}

export async function launchTools(path: string): Promise<LaunchTools> {
  const found = (name: string) => findProgram(name, { path, directory: "/" });
  const [prlimit, setpriv, env] = await Promise.all([found("prlimit"), found("setpriv"), found("env")]);
  return { prlimit, setpriv, env };
}

/** Confines a program to what it may see. */
export interface Sandbox {
  /** Pure. The command that runs `argv`, whose program is an absolute path, in a sandbox. The program alone has the variables `loader`. */
  wrap(
    argv: readonly string[],
    confinement: ProcessConfinement,
    places: { readonly cwd: string; readonly home: string; readonly loader: Readonly<Record<string, string>> },
  ): readonly string[];
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
  const wanted = spec.workingDirectory ?? home;
  await using folder = await openFolder(wanted, user);
  if (!folder) throw new NotLaunched(`the working directory ${wanted} does not exist`);
  if (folder.isClosed) {
    throw new NotLaunched(`the working directory ${wanted} may not be entered by the user that it runs as`);
  }
  const cwd = folder.realPath;
  const [name = "", ...args] = spec.argv;
  const program = await findProgram(name, { path: env.PATH ?? "", directory: cwd });
  if (program === undefined) {
    throw new NotLaunched(
      `there is no program ${JSON.stringify(name)} that can be run; give its absolute path, or set PATH`,
    );
  }
  const { confinement } = spec;
  if (confinement?.required && !options.sandbox) {
    throw new NotLaunched("its guardrails are strict and no sandbox works on this machine; install bubblewrap");
  }
  const command = [program, ...args];
  const { loader, rest } = splitEnvironment(env);
  const confined =
    confinement && options.sandbox
      ? options.sandbox.wrap(command, confinement, { cwd, home, loader })
      : unprivileged(withVariables(command, loader, options.tools), options.tools);
  const [file = program, ...argv] = limited(confined, spec, options);
  const child = spawned(() =>
    spawn(file, argv, {
      cwd: folder.path,
      env: rest,
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
function limited(
  argv: readonly string[],
  spec: ProcessSpec,
  { tools: { prlimit }, user }: LaunchOptions,
): readonly string[] {
  if (prlimit === undefined) return argv;
  // The kernel counts by user: shared with others it would be their limit, too.
  const processes = user && spec.maxProcesses !== undefined ? [`--nproc=${spec.maxProcesses}`] : [];
  return [prlimit, "--core=0", ...processes, "--", ...argv];
}

/** Programs that give their caller another user's rights, such as sudo, give it none. A sandbox sees to that itself. */
function unprivileged(argv: readonly string[], { setpriv }: LaunchTools): readonly string[] {
  return setpriv === undefined ? argv : [setpriv, "--no-new-privs", "--", ...argv];
}

/** @throws {NotLaunched} */
function withVariables(
  argv: readonly string[],
  variables: Readonly<Record<string, string>>,
  { env }: LaunchTools,
): readonly string[] {
  const pairs = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  if (pairs.length === 0) return argv;
  if (env !== undefined && !argv[0]?.includes("=")) return [env, ...pairs, ...argv];
  const names = Object.keys(variables).join(", ");
  throw new NotLaunched(`${names} cannot be set: that takes env of coreutils, and a program without "=" in its path`);
}
