import { once } from "node:events";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import type { NamedPipes } from "../../../machinery/named-pipe-stream.ts";
import { type LaunchOptions, launch } from "./launch.ts";
import type { LogFiles } from "./log-files.ts";
import { isLeader, type Leader } from "./members.ts";
import { makeNamedPipes, openStdioPipes, type StdioPipes } from "./named-pipes.ts";
import { copyOutput, type OutputCopy, openForProcess } from "./output-log.ts";
import type { ProcessSpec } from "./process-spec.ts";
import type { ProcessTable } from "./process-table.ts";
import type { ProcessExit } from "./state-file.ts";

/** The stdin and stdout of one process, for one holder at a time. */
export interface ProcessConnection {
  /** Names the process: after a restart it is another connection. */
  readonly instance: string;
  /** The process waits while nobody reads. */
  readonly pipes: NamedPipes;
  /** As its last holder left it: within a line, perhaps. Who has it next writes that. */
  readonly input: { isTorn: boolean };
  /** Raised when its input is to end, for which its holder has to close it, too. */
  readonly inputEnd: AbortSignal;
  /** Raised when all that is known of the process has ended, and its holder has had time to read the rest. */
  readonly over: AbortSignal;
}

/** One process from its start, or its adoption, to its end. */
export interface ProcessRun {
  /** Undefined where it ended before it could be looked at. */
  readonly leader: Leader | undefined;
  readonly connection: ProcessConnection | undefined;
  /** Resolves when the process has ended. What it has started may still run. */
  readonly exited: Promise<ProcessExit>;
  /** For when all its processes have ended: resolves when all that they wrote is in the log, after at most a second. */
  finish(): Promise<void>;
  /** Closes its stdin: that alone ends most servers of stdio. */
  endInput(): void;
}

export interface RunContext {
  readonly clock: Clock;
  readonly table: ProcessTable;
  readonly log: LogFiles;
  /** Path of the named pipe of its log. */
  readonly pipe: string;
  /** Of the named pipes that are its stdin and stdout. */
  readonly stdioFolder: string;
  readonly onFailure: (error: unknown) => void;
}

/** How often it is looked whether an adopted process lives: it is no child of ours, and nobody tells. */
const LOOK_MS = 250;
const LOG_END_MS = 1_000;
/** For the holder to read what the pipe still has. Its end comes by itself, but where a process that got away keeps it open. */
const LAST_READ_MS = 1_000;

/** @throws {NotLaunched} */
export async function startRun(
  spec: ProcessSpec,
  options: Omit<LaunchOptions, "output" | "connection">,
  context: RunContext,
): Promise<ProcessRun> {
  const { runId, user } = options;
  await makeNamedPipes([context.pipe], user);
  await using writer = await openForProcess(context.pipe);
  await using starting = new AsyncDisposableStack();
  const copy = starting.use(await copyOutput(context.pipe, context.log, context.onFailure));
  const pipes = spec.streams === "lines" ? await openStdioPipes(context.stdioFolder, { run: runId, user }) : undefined;
  starting.defer(() => pipes?.close());
  const child = await launched(spec, { ...options, output: writer.fd }, pipes);
  const exited = once(child, "exit").then(([code, signal]) => exitOf(code, signal, context.clock));
  const startTicks = (await context.table.get(child.pid))?.startTicks;
  starting.move();
  const inputEnd = new AbortController();
  const over = new AbortController();
  const input = { isTorn: false };
  return {
    leader: startTicks === undefined ? undefined : { pid: child.pid, startTicks },
    connection: pipes && { instance: runId, pipes: pipes.paths, input, inputEnd: inputEnd.signal, over: over.signal },
    exited,
    endInput() {
      inputEnd.abort();
      pipes?.endInput().catch(context.onFailure);
    },
    async finish() {
      await pipes?.close();
      if (pipes) context.clock.schedule(LAST_READ_MS, () => over.abort());
      await logEnd(copy, context.clock);
    },
  };
}

/** Its ends of the pipes are the process's alone from then on. */
async function launched(spec: ProcessSpec, options: Omit<LaunchOptions, "connection">, pipes: StdioPipes | undefined) {
  if (pipes === undefined) return await launch(spec, { ...options, connection: undefined });
  await using stdin = pipes.ofProcess.stdin;
  await using stdout = pipes.ofProcess.stdout;
  return await launch(spec, { ...options, connection: { stdin: stdin.fd, stdout: stdout.fd } });
}

/** Goes on with a process that an earlier Slipway started, and whose streams go to the log. */
export async function adoptRun(leader: Leader, context: RunContext): Promise<ProcessRun> {
  const copy = await copyOutput(context.pipe, context.log, context.onFailure);
  return {
    leader,
    connection: undefined,
    exited: endOf(leader, context),
    endInput: () => undefined,
    finish: () => logEnd(copy, context.clock),
  };
}

/** Its status went to its parent, so nobody here knows it. */
async function endOf(leader: Leader, { table, clock, onFailure }: RunContext): Promise<ProcessExit> {
  for (const never = new AbortController().signal; ; ) {
    try {
      const entry = await table.get(leader.pid);
      if (!entry || entry.state === "Z" || !isLeader(entry, leader)) return exitOf(undefined, undefined, clock);
    } catch (error) {
      onFailure(error);
    }
    await delay(clock, LOOK_MS, never);
  }
}

function exitOf(code: unknown, signal: unknown, clock: Clock): ProcessExit {
  return {
    code: typeof code === "number" ? code : undefined,
    signal: typeof signal === "string" ? signal : undefined,
    error: "",
    at: clock.now().toISOString(),
  };
}

async function logEnd(copy: OutputCopy, clock: Clock): Promise<void> {
  const waited = new AbortController();
  await Promise.race([copy.ended, delay(clock, LOG_END_MS, waited.signal)]);
  waited.abort();
  copy[Symbol.dispose]();
  await copy.ended;
}
