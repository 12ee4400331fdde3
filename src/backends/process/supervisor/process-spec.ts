/** Everything that a process is started from. No reference is left in it. */
export interface ProcessSpec {
  /** Program and arguments, exactly so: no shell sees them. A program without a slash is looked for in its PATH. */
  readonly argv: readonly string[];
  /** Absolute. Undefined: its home. */
  readonly workingDirectory: string | undefined;
  /** All that it gets, but for PATH and HOME where these do not say them, and the mark that it is found by. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * `lines`: stdin and stdout are a connection of lines, and it cannot outlive this program. `logs`: stdin is empty, stdout goes
   * to the log beside stderr, and a later Slipway adopts it.
   */
  readonly streams: "lines" | "logs";
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  /** Processes and threads of its user together, where it has one of its own; undefined: as many as the system lets it. */
  readonly maxProcesses: number | undefined;
  /** Undefined: it has the machine's files and network as its user has them. */
  readonly confinement?: ProcessConfinement | undefined;
}

/** What a sandbox is to keep it from, where there is one that works. */
export interface ProcessConfinement {
  /** Whether the machine's files are read-only for it; its home and its /tmp are not. */
  readonly readOnlyRoot: boolean;
  /** Whether it has no network, not even the machine's own. */
  readonly noNetwork: boolean;
  /** Whether it must not start where no sandbox works. */
  readonly required: boolean;
}

/** Who it runs as; both are unprivileged. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

/** Environment variable whose value names one start of one workload. */
export const MARK = "SLIPWAY_RUN";

/**
 * Pure. `PATH` is Slipway's own, so that what a person can start by name starts here, too; `HOME` is the workload's own folder.
 * Nothing else of Slipway's environment goes to a workload.
 */
export function environmentOf(
  { env }: Pick<ProcessSpec, "env">,
  { path, home, run }: { readonly path: string; readonly home: string; readonly run: string },
): Record<string, string> {
  return { PATH: path, HOME: home, ...env, [MARK]: run };
}

/**
 * What makes a program's loader or C library run or read other files than its own (ld.so(8), iconv): it is for the program, and
 * not for those that confine it first, which it would do away with.
 */
const FOR_LOADERS = /^(LD_.*|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|NLSPATH)$/;

/** Pure. An environment in two. */
export function splitEnvironment(env: Readonly<Record<string, string>>): {
  readonly loader: Readonly<Record<string, string>>;
  readonly rest: Readonly<Record<string, string>>;
} {
  const { loader = [], rest = [] } = Object.groupBy(Object.entries(env), ([name]) =>
    FOR_LOADERS.test(name) ? "loader" : "rest",
  );
  return { loader: Object.fromEntries(loader), rest: Object.fromEntries(rest) };
}
