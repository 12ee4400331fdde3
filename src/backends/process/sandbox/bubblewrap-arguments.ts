import { dirname } from "node:path";
import type { ProcessConfinement } from "../supervisor/process-spec.ts";

export interface SandboxPlaces {
  readonly cwd: string;
  /** The workload's own folder. */
  readonly home: string;
  /** Folders of Slipway that nobody sees; what `home` and `shown` name is shown inside of them. */
  readonly hidden: readonly string[];
  /** Folders that everybody may read, wherever they lie. */
  readonly shown: readonly string[];
  /** Variables that the program has and bubblewrap has not. */
  readonly loader: Readonly<Record<string, string>>;
}

/** What a sandbox gives a workload of its own, whatever lies there on the machine. */
const OWN_TMP = "/tmp";
/** Sockets of the machine's services; DNS may need it. */
const RUN = "/run";

/**
 * Pure. The arguments of bubblewrap for a program: namespaces of its own for processes, IPC and host name, and no privilege that
 * it could gain. The rest of its environment is left to who starts it. `argv` begins with an absolute path.
 * @see https://man.archlinux.org/man/bwrap.1: operations take effect in their order.
 */
export function bubblewrapArguments(
  argv: readonly string[],
  { readOnlyRoot, noNetwork }: Pick<ProcessConfinement, "readOnlyRoot" | "noNetwork">,
  { cwd, home, hidden, shown, loader }: SandboxPlaces,
): readonly string[] {
  const covered = [OWN_TMP, ...(noNetwork ? [RUN] : [])];
  // What the program is started from may lie where it has something of its own instead.
  const needed = [dirname(argv[0] ?? "/"), cwd].filter((path) => path !== home && isBelowAny(path, covered));
  const readable = shown.filter((path) => isBelowAny(path, [...covered, ...hidden]));
  return [
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(noNetwork ? ["--unshare-net"] : []),
    ...[readOnlyRoot ? "--ro-bind" : "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
    ...covered.flatMap((folder) => ["--tmpfs", folder]),
    ...[...new Set(needed)].flatMap((path) => ["--ro-bind", path, path]),
    // After what a deployment names, which may lie around or in it.
    ...hidden.flatMap((folder) => ["--tmpfs", folder]),
    ...readable.flatMap((path) => ["--ro-bind", path, path]),
    ...Object.entries(loader).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--bind", home, home, "--chdir", cwd, "--", ...argv],
  ];
}

function isBelowAny(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(`${folder}/`));
}
