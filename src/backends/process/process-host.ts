import { chmod, mkdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Owner } from "../backend.ts";
import { NpmPackages } from "./packages/npm/npm-packages.ts";
import { PackageCache } from "./packages/package-cache.ts";
import { PythonPackages } from "./packages/pypi/python-packages.ts";
import { Bubblewrap } from "./sandbox/bubblewrap.ts";
import { WorkloadStreams } from "./streams/workload-streams.ts";
import { launchTools } from "./supervisor/launch.ts";
import type { ProcessTable } from "./supervisor/process-table.ts";
import { Supervisor } from "./supervisor/supervisor.ts";
import { systemCode } from "./supervisor/system-error.ts";
import { noteOf, ownerOf } from "./workload-note.ts";

export interface ProcessHostOptions {
  /** Of ours alone (0700): states with the values of Secrets, logs. Its parents are there. */
  readonly stateDirectory: string;
  /** Homes and packages. The users of workloads can pass through it and through its parents. */
  readonly sharedDirectory: string;
  /** Folders of Slipway that a sandbox hides. */
  readonly hidden: readonly string[];
  /** Whether each workload gets a user of its own: possible for root alone. */
  readonly ownUsers: boolean;
  /** Slipway's own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The Node that runs packages of npm. */
  readonly node: string;
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What has the directories of one RuntimeBackend, from its first use to the end of this program. */
export interface OpenHost {
  readonly supervisor: Supervisor;
  readonly packages: PackageCache;
}

/**
 * The processes and packages of one RuntimeBackend. It outlives the backends that are made of one RuntimeBackend as that is
 * edited. One at a time has its directories.
 */
export class ProcessHost implements AsyncDisposable {
  readonly #options: ProcessHostOptions;
  readonly sandbox: Bubblewrap;
  readonly streams: WorkloadStreams;
  readonly #listeners = new Set<(owner: Owner) => void>();
  #opening: Promise<OpenHost> | undefined;
  #closed = false;

  constructor(options: ProcessHostOptions) {
    this.#options = options;
    const { sharedDirectory, hidden, ownUsers, environment, clock, logger } = options;
    const shown = [packagesOf(sharedDirectory)];
    this.sandbox = new Bubblewrap({ path: environment.PATH ?? "", hidden, shown, ownUsers, clock });
    this.streams = new WorkloadStreams((error) =>
      logger.error("the process of a client could not be ended", { error }),
    );
  }

  get ownUsers(): boolean {
    return this.#options.ownUsers;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** What the tools of this machine keep of a workload. */
  async tools(): Promise<{ readonly limitsProcesses: boolean; readonly keepsPrivileges: boolean }> {
    const { prlimit, setpriv } = await launchTools(this.#options.environment.PATH ?? "");
    return { limitsProcesses: this.ownUsers && prlimit !== undefined, keepsPrivileges: setpriv !== undefined };
  }

  /** Calls back with the owner of what has changed. The returned function ends that. */
  onChange(listener: (owner: Owner) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of a change that a backend has made itself. */
  tell(owner: Owner): void {
    for (const listener of this.#listeners) listener(owner);
  }

  /** Opens it where that is not done. @throws {Error} where its directories cannot be had, or a state not be read. */
  async open(): Promise<OpenHost> {
    if (this.#closed) throw new Error("Slipway ends");
    this.#opening ??= this.#open();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** As `open`, where there is something from before; else undefined, and nothing is made. */
  async openExisting(): Promise<OpenHost | undefined> {
    if (this.#opening) return await this.open();
    return (await isThere(this.#options.stateDirectory)) ? await this.open() : undefined;
  }

  /** Ends all processes. Those that should run are started by the next Slipway; where there are none nothing is left behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const opened = await this.#opening?.catch(() => undefined);
    if (!opened) return;
    const { supervisor, packages } = opened;
    packages[Symbol.dispose]();
    await supervisor[Symbol.asyncDispose]();
    if (supervisor.list().size > 0) return;
    const { stateDirectory, sharedDirectory } = this.#options;
    await Promise.all([stateDirectory, sharedDirectory].map((path) => rm(path, { recursive: true, force: true })));
    await removeEmpty(dirname(sharedDirectory));
  }

  async #open(): Promise<OpenHost> {
    const { stateDirectory, sharedDirectory, ownUsers, environment, node, table, clock, logger } = this.#options;
    await makePassable(sharedDirectory);
    const [npmCache, uvCache] = [join(sharedDirectory, "npm-cache"), join(sharedDirectory, "uv-cache")];
    for (const cache of [npmCache, uvCache]) await mkdir(cache, { recursive: true, mode: 0o700 });
    const packages = await PackageCache.open({
      directory: packagesOf(sharedDirectory),
      clock,
      tools: {
        npm: new NpmPackages({ environment, cache: npmCache, node, logger }),
        pypi: new PythonPackages({ environment, cache: uvCache, ownUsers, logger }),
      },
    });
    const supervisor = await Supervisor.open({
      stateDirectory,
      workDirectory: join(sharedDirectory, "work"),
      path: environment.PATH ?? "",
      sandbox: async () => {
        const support = await this.sandbox.support();
        return support.kind === "works" ? support.sandbox : undefined;
      },
      ...{ ownUsers, clock, table, logger },
    });
    // Nobody is left who could speak to them.
    for (const [id, { record }] of supervisor.list()) {
      if (noteOf(record)?.kind === "client") await supervisor.delete(id, NEVER);
    }
    supervisor.onChange((id) => {
      const process = supervisor.get(id);
      const owner = process && ownerOf(process.record);
      if (owner) this.tell(owner);
    });
    return { supervisor, packages };
  }
}

const NEVER = new AbortController().signal;

function packagesOf(sharedDirectory: string): string {
  return join(sharedDirectory, "packages");
}

/** Folders for users to pass through, whatever the umask says; those that were there already stay as they are. */
async function makePassable(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  for (let made = path; first !== undefined && made.startsWith(first); made = dirname(made)) await chmod(made, 0o711);
}

/** Leaves what is not empty. */
async function removeEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (systemCode(error) !== "ENOTEMPTY" && systemCode(error) !== "ENOENT") throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    // Where it cannot be looked at, opening it says why.
    return false;
  }
}
