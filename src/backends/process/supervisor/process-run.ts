import { once } from "node:events";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { type LaunchOptions, launch } from "./launch.ts";
import { type LineConnection, lineConnection } from "./line-connection.ts";
import type { LogFiles } from "./log-files.ts";
import { isLeader, type Leader } from "./members.ts";
import { copyOutput, makeOutputPipe, type OutputCopy, openForProcess } from "./output-log.ts";
import type { ProcessSpec } from "./process-spec.ts";
import type { ProcessTable } from "./process-table.ts";
import type { ProcessExit } from "./state-file.ts";

/** One process from its start, or its adoption, to its end. */
export interface ProcessRun {
  /** Undefined where it ended before it could be looked at. */
  readonly leader: Leader | undefined;
  readonly connection: LineConnection | undefined;
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
    const connection = stdin && stdout ? lineConnection(options.runId, stdin, stdout) : undefined;
    const startTicks = (await context.table.get(child.pid))?.startTicks;
    return {
      leader: startTicks === undefined ? undefined : { pid: child.pid, startTicks },
      connection,
      exited,
      endInput: () => stdin?.end(),
      async finish() {
        stdin?.destroy();
        // What a reader has not come to yet stays his.
        if (stdout?.listenerCount("readable") === 0) stdout.destroy();
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
