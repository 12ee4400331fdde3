import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { type LaunchOptions, launch } from "./launch.ts";
import type { LogFiles } from "./log-files.ts";
import { isLeader, type Leader } from "./members.ts";
import { copyOutput, makeOutputPipe, type OutputCopy, openForProcess } from "./output-log.ts";
import { PipeDuplex } from "./pipe-duplex.ts";
import type { ProcessSpec } from "./process-spec.ts";
import type { ProcessTable } from "./process-table.ts";
import type { ProcessExit } from "./state-file.ts";

/** The stdin and stdout of one process, for one holder. */
export interface ProcessConnection {
  /** Names the process: after a restart it is another connection. */
  readonly instance: string;
  /** Bytes. The process waits while nobody reads. It has to end when this is destroyed, and is killed where it does not. */
  readonly stream: Duplex;
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
  /** Path of the named pipe. */
  readonly pipe: string;
  readonly onFailure: (error: unknown) => void;
}

/** How often it is looked whether an adopted process lives: it is no child of ours, and nobody tells. */
const LOOK_MS = 250;
const LOG_END_MS = 1_000;
/** How long a server of stdio may live on whose pipes are closed. */
const UNHEARD_MS = 5_000;

/** @throws {NotLaunched} */
export async function startRun(
  spec: ProcessSpec,
  options: Omit<LaunchOptions, "output">,
  context: RunContext,
): Promise<ProcessRun> {
  await makeOutputPipe(context.pipe, options.user);
  const writer = await openForProcess(context.pipe);
  const copy = await copyOutput(context.pipe, context.log, context.onFailure);
  try {
    const child = await launch(spec, { ...options, output: writer.fd });
    const exited = once(child, "exit").then(([code, signal]) => exitOf(code, signal, context.clock));
    const { stdin, stdout } = child;
    const stream = stdin && stdout ? new PipeDuplex(stdin, stdout) : undefined;
    stream?.once("close", () => context.clock.schedule(UNHEARD_MS, () => child.kill("SIGKILL")));
    const startTicks = (await context.table.get(child.pid))?.startTicks;
    return {
      leader: startTicks === undefined ? undefined : { pid: child.pid, startTicks },
      connection: stream && { instance: options.runId, stream },
      exited,
      endInput: () => stream?.end(),
      async finish() {
        // What a reader has not come to yet stays his; without one nobody would ever take it.
        if (stream?.readableFlowing === null && stream.listenerCount("readable") === 0) stream.destroy();
        await logEnd(copy, context.clock);
      },
    };
  } catch (error) {
    copy[Symbol.dispose]();
    throw error;
  } finally {
    await writer.close();
  }
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
