import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProcessSpec } from "../../src/backends/process/supervisor/process-spec.ts";
import { linuxProcesses } from "../../src/backends/process/supervisor/process-table.ts";
import type { SupervisedProcess } from "../../src/backends/process/supervisor/supervised-process.ts";
import type { Supervisor } from "../../src/backends/process/supervisor/supervisor.ts";
import { eventually } from "./eventually.ts";
import { openSupervisor } from "./supervising.ts";

const never = new AbortController().signal;

/** A supervisor in a folder of its own, and what a test asks of the machine about it. */
export class ProcessWorld implements AsyncDisposable {
  readonly directory: string;
  /** A test may open another one, as after a restart. */
  supervisor: Supervisor;

  private constructor(directory: string, supervisor: Supervisor) {
    this.directory = directory;
    this.supervisor = supervisor;
  }

  static async open(): Promise<ProcessWorld> {
    const directory = await mkdtemp(join(tmpdir(), "slipway-supervisor-"));
    // Workloads run as other users.
    await chmod(directory, 0o711);
    return new ProcessWorld(directory, await openSupervisor(directory));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.supervisor.list().keys()) await this.supervisor.delete(id, never);
    await this.supervisor[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true });
  }

  specOf(argv: readonly string[], patch: Partial<ProcessSpec> = {}): ProcessSpec {
    return {
      ...{ argv, workingDirectory: undefined, streams: "logs", restartPolicy: "Never", maxProcesses: 64 },
      ...patch,
      env: { TEST_TAG: this.directory, ...patch.env },
    };
  }

  async make(argv: readonly string[], patch: Partial<ProcessSpec> = {}, id = "one"): Promise<SupervisedProcess> {
    return await this.supervisor.create({ id, spec: this.specOf(argv, patch), note: { any: "thing" } });
  }

  async started(argv: readonly string[], patch: Partial<ProcessSpec> = {}): Promise<SupervisedProcess> {
    const made = await this.make(argv, patch);
    await made.start();
    return made;
  }

  /** Pids of all living processes that the test has started, by a mark of its own. */
  async left(): Promise<number[]> {
    const living = (await linuxProcesses.list()).filter(({ state }) => state !== "Z");
    const tag = `TEST_TAG=${this.directory}`;
    const ours = await Promise.all(living.map(({ pid }) => linuxProcesses.hasVariable(pid, tag)));
    return living.filter((_, index) => ours[index]).map(({ pid }) => pid);
  }
}

/** The whole log, without times. */
export async function logOf(made: SupervisedProcess): Promise<string[]> {
  return await Array.fromAsync(made.log.read({ tail: undefined, follow: false, timestamps: false }, never));
}

/** Waits for the end of a process that is not started again. */
export async function exited(made: SupervisedProcess) {
  return await settles(() => {
    if (made.state.kind !== "exited") throw new Error(`it is ${made.state.kind}`);
    return made.state.exit;
  });
}

/** Waits until `look` no longer throws. */
export async function settles<T>(look: () => Promise<T> | T): Promise<T> {
  return (await eventually("an expectation", async () => ({ found: await look() }), { everyMs: 20 })).found;
}
