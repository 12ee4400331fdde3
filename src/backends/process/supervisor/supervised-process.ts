import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { backoffMs } from "../../../machinery/backoff.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { type Ending, endRun } from "./end-run.ts";
import { type LaunchTools, NotLaunched, type Sandbox } from "./launch.ts";
import { LogFiles } from "./log-files.ts";
import { isLeader, membersOf, type Run } from "./members.ts";
import { adoptRun, type ProcessConnection, type ProcessRun, type RunContext, startRun } from "./process-run.ts";
import { MARK } from "./process-spec.ts";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import { type ProcessExit, type ProcessRecord, type RecordedRun, writeState } from "./state-file.ts";

export type ProcessState =
  | { readonly kind: "created" }
  | { readonly kind: "running"; readonly startedAt: string }
  /** It has ended and is started again at `next`, RFC 3339. */
  | { readonly kind: "restarting"; readonly exit: ProcessExit; readonly next: string }
  | { readonly kind: "exited"; readonly exit: ProcessExit };

export interface SupervisionContext {
  readonly clock: Clock;
  readonly table: ProcessTable;
  /** Slipway's own PATH. */
  readonly path: string;
  readonly tools: LaunchTools;
  /** The sandbox that works just now; asked before each start. */
  readonly sandbox: () => Promise<Sandbox | undefined>;
  /** State, pipe and log: a folder of ours alone. */
  readonly stateDirectory: string;
  /** The workload's own folder. */
  readonly home: string;
  readonly onChange: () => void;
  readonly onFailure: (message: string, error: unknown) => void;
}

/** As the Docker Engine does it: doubled after each end, from the beginning again after ten seconds of life. */
const RESTART_BASE_MS = 100;
const RESTART_CAP_MS = 60_000;
const PROVEN_MS = 10_000;
/** Between attempts to end what does not end: it hangs in the kernel, or the disk is full. */
const RETRY_MS = 5_000;

/** One workload: its process, started again by its policy, and all that is kept of it. Its calls take effect one by one. */
export class SupervisedProcess {
  readonly #context: SupervisionContext;
  readonly log: LogFiles;
  #record: ProcessRecord;
  #run: { readonly process: ProcessRun; readonly sinceMs: number } | undefined;
  #restart: { readonly cancel: () => void; readonly next: string } | undefined;
  #failures = 0;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(record: ProcessRecord, context: SupervisionContext) {
    this.#record = record;
    this.#context = context;
    this.log = new LogFiles(join(context.stateDirectory, "log"), { now: () => context.clock.now() });
  }

  get record(): ProcessRecord {
    return this.#record;
  }

  get state(): ProcessState {
    const { run, exit } = this.#record;
    if (this.#run && run) return { kind: "running", startedAt: run.startedAt };
    if (exit && this.#restart) return { kind: "restarting", exit, next: this.#restart.next };
    return exit ? { kind: "exited", exit } : { kind: "created" };
  }

  /** Of the process that runs, where its streams are lines. */
  get connection(): ProcessConnection | undefined {
    return this.#run?.process.connection;
  }

  /** What its processes are just now; empty where none runs. */
  async members(): Promise<readonly ProcessEntry[]> {
    const { run } = this.#record;
    return run && this.#run ? await membersOf(this.#runOf(run), this.#context.table) : [];
  }

  /** Writes the state for the first time. */
  async save(): Promise<void> {
    await this.#inTurn(() => this.#write({}));
  }

  /**
   * For a record of an earlier Slipway: adopts its process where that outlives us, ends what is left of it where not, and
   * starts it anew where it should run.
   */
  async recover(): Promise<void> {
    await this.#inTurn(async () => {
      const { run, spec, wanted, restarts } = this.#record;
      if (!run) return wanted ? await this.#launch({ restarts }) : undefined;
      const { table } = this.#context;
      if (run.leader && wanted && spec.streams === "logs" && run.bootId === (await table.bootId())) {
        const entry = await table.get(run.leader.pid);
        if (entry && isLeader(entry, run.leader) && entry.state !== "Z") {
          this.#watch(run, await adoptRun(run.leader, this.#runContext()));
          return;
        }
      }
      await this.#endLost(run);
      if (wanted && spec.restartPolicy !== "Never") await this.#launch({ restarts: restarts + 1 });
      else if (wanted) await this.#write({ wanted: false });
    });
  }

  /** Ends what is left of a run that nobody watches: an earlier Slipway began it, or it failed half-way. */
  async #endLost(run: RecordedRun): Promise<void> {
    const { table, clock } = this.#context;
    if (run.bootId === (await table.bootId())) {
      await endRun(this.#runOf(run), 0, this.#ending(), new AbortController().signal);
    }
    const at = clock.now().toISOString();
    await this.#write({ run: undefined, exit: { code: undefined, signal: undefined, error: "", at } });
  }

  /** Succeeds when it runs already. A program that cannot be run shows in the state. @throws {Error} once it is closed. */
  async start(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#closed) throw new Error("the process is being removed, or Slipway ends");
      if (this.#run) return;
      this.#cancelRestart();
      await this.#launch({ restarts: this.#record.restarts });
    });
  }

  /** SIGTERM, `graceMs`, SIGKILL, to all its processes; it is not started again. @throws {TransientError} `ProcessesLeft` */
  async stop(graceMs: number, signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      this.#cancelRestart();
      if (this.#record.wanted) await this.#write({ wanted: false });
      await this.#end(graceMs, signal);
    });
  }

  /** Ends its processes as `stop` does, and remembers that it should run. Ends those that follow the log. */
  async close(graceMs: number, signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      this.#closed = true;
      this.#cancelRestart();
      await this.#end(graceMs, signal);
      await this.log.close();
    });
  }

  async #launch({ restarts }: { restarts: number }): Promise<void> {
    const { clock, table, tools, path, home } = this.#context;
    if (this.#record.run) await this.#endLost(this.#record.run);
    const id = randomBytes(16).toString("hex");
    const startedAt = clock.now().toISOString();
    const { spec, user } = this.#record;
    const sandbox = spec.confinement && (await this.#context.sandbox());
    const sandboxed = sandbox !== undefined;
    const run: RecordedRun = { id, bootId: await table.bootId(), leader: undefined, startedAt, sandboxed };
    await this.#write({ run, startedAt, wanted: true, restarts });
    try {
      const process = await startRun(spec, { runId: id, user, path, home, tools, sandbox }, this.#runContext());
      const started = { ...run, leader: process.leader };
      this.#watch(started, process);
      await this.#write({ run: started });
    } catch (error) {
      if (!(error instanceof NotLaunched)) throw error;
      // 127 is what a shell answers for a program that it does not find.
      await this.#ended({ code: 127, signal: undefined, error: error.message, at: startedAt }, 0);
    }
  }

  #watch(run: RecordedRun, process: ProcessRun): void {
    const { clock, onFailure } = this.#context;
    const current = { process, sinceMs: clock.monotonicMs() };
    this.#run = current;
    this.#record = { ...this.#record, run };
    const never = new AbortController().signal;
    const settle = async () => {
      await process.exited;
      while (this.#run === current) {
        try {
          await this.#inTurn(async () => {
            if (this.#run === current) await this.#end(0, never);
          });
        } catch (error) {
          onFailure("what is left of a process could not be ended; Slipway tries again", error);
          await delay(clock, RETRY_MS, never);
        }
      }
    };
    settle().catch((error: unknown) => onFailure("the end of a process was not seen", error));
  }

  /** Ends all processes of the run there is, whether its leader still lives or not. */
  async #end(graceMs: number, signal: AbortSignal): Promise<void> {
    const current = this.#run;
    const { run } = this.#record;
    if (!run) return;
    if (!current) return await this.#endLost(run);
    current.process.endInput();
    await endRun(this.#runOf(run), graceMs, this.#ending(), signal);
    const exit = await current.process.exited;
    await current.process.finish();
    this.#run = undefined;
    await this.#ended(exit, this.#context.clock.monotonicMs() - current.sinceMs);
  }

  async #ended(exit: ProcessExit, livedMs: number): Promise<void> {
    const { restartPolicy } = this.#record.spec;
    const again = restartPolicy === "Always" || (restartPolicy === "OnFailure" && exit.code !== 0);
    // What this program ends as it ends itself shall run again with the next.
    const wanted = this.#record.wanted && (again || this.#closed);
    await this.#write({ run: undefined, wanted, exit });
    if (wanted && !this.#closed) this.#restartLater(livedMs);
    this.#context.onChange();
  }

  #restartLater(livedMs: number): void {
    const { clock, onFailure } = this.#context;
    if (livedMs >= PROVEN_MS) this.#failures = 0;
    const ms = backoffMs(Math.min(this.#failures++, 20), RESTART_BASE_MS, RESTART_CAP_MS);
    const cancel = clock.schedule(ms, () => {
      const restart = async () => {
        // It may have been stopped, or started, while this waited for its turn.
        if (this.#restart?.cancel !== cancel) return;
        this.#restart = undefined;
        await this.#launch({ restarts: this.#record.restarts + 1 });
        this.#context.onChange();
      };
      this.#inTurn(restart).catch((error: unknown) => {
        onFailure("a process could not be started again; Slipway tries later", error);
        if (!this.#run && !this.#restart && this.#record.wanted && !this.#closed) this.#restartLater(0);
      });
    });
    this.#restart = { cancel, next: new Date(clock.now().getTime() + ms).toISOString() };
  }

  #cancelRestart(): void {
    this.#restart?.cancel();
    this.#restart = undefined;
  }

  async #write(patch: Partial<ProcessRecord>): Promise<void> {
    const record = { ...this.#record, ...patch };
    await writeState(join(this.#context.stateDirectory, "state.json"), record);
    this.#record = record;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  #runOf({ id, leader, sandboxed }: RecordedRun): Run {
    return { mark: `${MARK}=${id}`, leader, user: this.#record.user?.uid, monitored: sandboxed };
  }

  #ending(): Ending {
    return { table: this.#context.table, clock: this.#context.clock };
  }

  #runContext(): RunContext {
    const { clock, table, stateDirectory, onFailure } = this.#context;
    const failed = (error: unknown) => onFailure("the output of a process could not be kept", error);
    const [pipe, stdioFolder] = [join(stateDirectory, "output"), join(stateDirectory, "stdio")];
    return { clock, table, log: this.log, pipe, stdioFolder, onFailure: failed };
  }
}
