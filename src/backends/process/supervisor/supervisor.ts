import { chmod, chown, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../machinery/clock.ts";
import type { Logger } from "../../../machinery/logger.ts";
import { type LaunchTools, launchTools, type Sandbox } from "./launch.ts";
import type { ProcessSpec } from "./process-spec.ts";
import type { ProcessTable } from "./process-table.ts";
import { ownUser } from "./process-users.ts";
import { removeTree } from "./remove-tree.ts";
import { type ProcessRecord, readState } from "./state-file.ts";
import { SupervisedProcess } from "./supervised-process.ts";

export interface SupervisorOptions {
  /** Of ours alone (0700): states with the values of Secrets, logs. */
  readonly stateDirectory: string;
  /** Where each workload has its home, and nothing else is. Other users can pass through it, but not list it; outside of the data directory for that. */
  readonly workDirectory: string;
  /** Whether each workload gets a user of its own: possible for root alone. */
  readonly ownUsers: boolean;
  /** Slipway's own PATH. */
  readonly path: string;
  /** The sandbox that works just now. Absent: nothing is confined. */
  readonly sandbox?: () => Promise<Sandbox | undefined>;
  readonly clock: Clock;
  readonly table: ProcessTable;
  readonly logger: Logger;
}

export interface NewProcess {
  /** Names it: lower case letters, digits and dashes. */
  readonly id: string;
  readonly spec: ProcessSpec;
  /** What the caller wants to find with it; JSON. */
  readonly note: unknown;
}

const ID = /^[a-z0-9][-a-z0-9]{0,127}$/;

/** All local processes that one Slipway keeps, and those that an earlier one left. One at a time has these directories. */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #tools: LaunchTools;
  readonly #processes = new Map<string, SupervisedProcess>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #deleting = new Set<Promise<void>>();
  #making: Promise<unknown> = Promise.resolve();
  #isEnding = false;

  private constructor(options: SupervisorOptions, tools: LaunchTools) {
    this.#options = options;
    this.#tools = tools;
  }

  /** Adopts, ends or starts again what is there from before. @throws {Error} for a state that cannot be read. */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const { stateDirectory, workDirectory } = options;
    await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
    await chmod(stateDirectory, 0o700);
    await mkdir(workDirectory, { recursive: true, mode: 0o711 });
    await chmod(workDirectory, 0o711);
    const supervisor = new Supervisor(options, await launchTools(options.path));
    await supervisor.#recover();
    return supervisor;
  }

  /** Whether the number of a workload's processes is kept. */
  get limitsProcesses(): boolean {
    return this.#tools.prlimit !== undefined && this.#options.ownUsers;
  }

  get(id: string): SupervisedProcess | undefined {
    return this.#processes.get(id);
  }

  list(): ReadonlyMap<string, SupervisedProcess> {
    return this.#processes;
  }

  /** Makes its folders and its state; does not start it. Succeeds when there is one of this id already, whatever its spec. */
  async create({ id, spec, note }: NewProcess): Promise<SupervisedProcess> {
    if (!ID.test(id)) throw new RangeError(`${JSON.stringify(id)} cannot name a process`);
    const making = this.#making.then(async () => {
      const known = this.#processes.get(id);
      if (known) return known;
      const taken = [...this.#processes.values()].map(({ record }) => record.user?.uid ?? 0);
      const user = this.#options.ownUsers ? await ownUser(new Set(taken)) : undefined;
      const home = this.#home(id);
      // One that was broken off may have left its folder, of another user.
      await removeTree(home);
      await mkdir(home, { mode: 0o700 });
      if (user) await chown(home, user.uid, user.gid);
      await mkdir(this.#state(id), { recursive: true, mode: 0o700 });
      const fresh = { version: 1, wanted: false, restarts: 0, run: undefined, exit: undefined } as const;
      const made = this.#supervise(id, { ...fresh, spec, user, note });
      await made.save();
      this.#processes.set(id, made);
      return made;
    });
    this.#making = making.catch(() => undefined);
    return await making;
  }

  /** Ends its processes by SIGKILL where they have not ended, and removes its home, its state and its log. Once all ends it is left to the next Slipway. */
  async delete(id: string, signal: AbortSignal): Promise<void> {
    const found = this.#processes.get(id);
    if (!found || this.#isEnding) return;
    const deleting = this.#remove(id, found, signal);
    const forget = () => this.#deleting.delete(deleting);
    this.#deleting.add(deleting);
    deleting.then(forget, forget);
    await deleting;
  }

  async #remove(id: string, found: SupervisedProcess, signal: AbortSignal): Promise<void> {
    await found.stop(0, signal);
    await found.close(0, signal);
    await removeTree(this.#home(id));
    // The state last: what is broken off before can be deleted again.
    await rm(this.#state(id), { recursive: true, force: true });
    this.#processes.delete(id);
  }

  /** Calls back whenever a process has ended or was started again by itself. The returned function ends that. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends all processes. Those that should run are started by the next Slipway. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The next Slipway may begin as soon as this has ended, in the same folders.
    this.#isEnding = true;
    const never = new AbortController().signal;
    const all = [...this.#processes.values()];
    const ends = await Promise.allSettled(all.map((one) => one.close(CLOSE_GRACE_MS, never)));
    for (const end of ends) {
      if (end.status === "rejected") this.#options.logger.error("a process could not be ended", { error: end.reason });
    }
    // Whoever asked for these is told how they went.
    await Promise.allSettled(this.#deleting);
  }

  async #recover(): Promise<void> {
    for (const id of await readdir(this.#options.stateDirectory)) {
      if (!ID.test(id)) continue;
      const record = await readState(join(this.#state(id), "state.json"));
      if (record) this.#processes.set(id, this.#supervise(id, record));
      else await rm(this.#state(id), { recursive: true });
    }
    for (const id of await readdir(this.#options.workDirectory)) {
      // Left by a creation or a deletion that was broken off.
      if (ID.test(id) && !this.#processes.has(id)) await removeTree(this.#home(id));
    }
    const recover = async ([id, one]: readonly [string, SupervisedProcess]) => {
      try {
        await one.recover();
      } catch (error) {
        // Its start or its end tries it again; the others shall not wait for it.
        this.#options.logger.error("what an earlier Slipway left of a process could not be ended", {
          process: id,
          error,
        });
      }
    };
    await Promise.all([...this.#processes].map(recover));
  }

  #supervise(id: string, record: ProcessRecord): SupervisedProcess {
    const { clock, table, path, logger, sandbox = async () => undefined } = this.#options;
    return new SupervisedProcess(record, {
      ...{ clock, table, path, tools: this.#tools, sandbox, home: this.#home(id), stateDirectory: this.#state(id) },
      onChange: () => {
        for (const listener of this.#listeners) listener(id);
      },
      onFailure: (message, error) => logger.error(message, { process: id, error }),
    });
  }

  #home(id: string): string {
    return join(this.#options.workDirectory, id);
  }

  #state(id: string): string {
    return join(this.#options.stateDirectory, id);
  }
}

/** How long a process has to end by itself when Slipway ends. */
const CLOSE_GRACE_MS = 5_000;
