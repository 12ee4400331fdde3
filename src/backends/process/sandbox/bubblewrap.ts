import type { Clock } from "../../../machinery/clock.ts";
import { CommandFailed, runCommand } from "../run-command.ts";
import { findProgram } from "../supervisor/find-program.ts";
import type { Sandbox } from "../supervisor/launch.ts";
import { ownUser } from "../supervisor/process-users.ts";
import { bubblewrapArguments, type SandboxPlaces } from "./bubblewrap-arguments.ts";

export interface BubblewrapOptions extends Pick<SandboxPlaces, "hidden" | "shown"> {
  /** Where the program is looked for. */
  readonly path: string;
  /** Whether workloads run as users of their own, who then have to be able to use it. */
  readonly ownUsers: boolean;
  readonly clock: Clock;
}

/** Whether this machine can confine processes. */
export type SandboxSupport =
  | { readonly kind: "works"; readonly sandbox: Sandbox }
  /** `reason` is for people, and says what to do. */
  | { readonly kind: "missing"; readonly reason: string };

/** How long an answer holds: a package may be installed, or a sysctl be set, at any time. */
const VALID_MS = 60_000;
const TRIAL_MS = 10_000;

/**
 * Bubblewrap, where it is installed and works: it needs user namespaces that unprivileged users may make, which some kernels and
 * most containers withhold. Only a trial tells.
 */
export class Bubblewrap {
  readonly #options: BubblewrapOptions;
  #last: { readonly support: Promise<SandboxSupport>; readonly atMs: number } | undefined;

  constructor(options: BubblewrapOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async support(): Promise<SandboxSupport> {
    const now = this.#options.clock.monotonicMs();
    if (!this.#last || now - this.#last.atMs >= VALID_MS) this.#last = { support: this.#try(), atMs: now };
    return await this.#last.support;
  }

  async #try(): Promise<SandboxSupport> {
    const { path, ownUsers, hidden, shown } = this.#options;
    const program = await findProgram("bwrap", { path, directory: "/" });
    if (program === undefined) return { kind: "missing", reason: "bubblewrap is not installed; install it" };
    const nothing = (await findProgram("true", { path, directory: "/" })) ?? "/bin/true";
    const trial = { readOnlyRoot: true, noNetwork: true };
    try {
      const places = { cwd: "/", home: "/var", hidden: [], shown: [], loader: {} };
      const argv = bubblewrapArguments([nothing], trial, places);
      const user = ownUsers ? await ownUser(new Set()) : undefined;
      const env = { PATH: path };
      await runCommand([program, ...argv], { cwd: "/", env, timeoutMs: TRIAL_MS, signal: NEVER, user });
    } catch (error) {
      return { kind: "missing", reason: `bubblewrap does not work here: ${whyNot(error)}` };
    }
    const sandbox: Sandbox = {
      wrap: (argv, confinement, places) => [
        program,
        ...bubblewrapArguments(argv, confinement, { ...places, hidden, shown }),
      ],
    };
    return { kind: "works", sandbox };
  }
}

const NEVER = new AbortController().signal;

function whyNot(error: unknown): string {
  if (error instanceof CommandFailed && error.output !== "") return error.output.split("\n", 1)[0] ?? "";
  return error instanceof Error ? error.message : String(error);
}
