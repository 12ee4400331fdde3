import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { isLeader, membersOf, type Run } from "./members.ts";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import { systemCode } from "./system-error.ts";

export interface Ending {
  readonly table: ProcessTable;
  readonly clock: Clock;
}

/** How often it is looked whether all have ended. */
const LOOK_MS = 25;
/** How often all are stopped, until none forks any more, and then killed. */
const ROUNDS = 200;

/**
 * SIGTERM to all processes of a run, and after `graceMs` SIGKILL to what is left of it. Resolves once nothing is left;
 * an abort of `signal` ends the grace early.
 * @throws {TransientError} `ProcessesLeft` where some cannot be killed: they hang in the kernel, or are another user's.
 */
export async function endRun(run: Run, graceMs: number, { table, clock }: Ending, signal: AbortSignal): Promise<void> {
  if (graceMs > 0) {
    let heard = await askToEnd(run, table);
    const deadline = clock.monotonicMs() + graceMs;
    while (!signal.aborted && clock.monotonicMs() < deadline) {
      if (await isOver(run, table)) return;
      await delay(clock, LOOK_MS, signal);
      if (!heard) heard = await askToEnd(run, table);
    }
  }
  await killRun(run, { table, clock });
}

/**
 * Answers whether its program was there to be asked. Who waits for that is not asked, since it shall tell of the end; and the
 * first process of a sandbox hears no SIGTERM.
 */
async function askToEnd(run: Run, table: ProcessTable): Promise<boolean> {
  const members = await membersOf(run, table);
  const asked = run.monitored ? members.filter((entry) => !isLeader(entry, run.leader)) : members;
  await sendAll(asked, "SIGTERM", table);
  return !run.monitored || asked.length > 1;
}

/**
 * What forks faster than it is killed would never end, so all are stopped first, until a look finds nothing new: a stopped
 * process does not fork.
 */
async function killRun(run: Run, { table, clock }: Ending): Promise<void> {
  const never = new AbortController().signal;
  for (let round = 0; round < ROUNDS; round++) {
    if (await isOver(run, table)) return;
    const members = await membersOf(run, table);
    const moving = members.filter(({ state }) => state !== "T");
    const killable = moving.length === 0 || round % 4 === 3;
    await sendAll(killable ? members : moving, killable ? "SIGKILL" : "SIGSTOP", table);
    if (killable) await delay(clock, LOOK_MS, never);
  }
  const left = (await membersOf(run, table)).map(({ pid }) => pid);
  if (left.length === 0) return;
  throw new TransientError("ProcessesLeft", `processes ${left.slice(0, 10).join(", ")} do not end on SIGKILL`);
}

/** Two looks: what forks and ends between the listing and the reading of one is not seen by that, nor is its child. */
async function isOver(run: Run, table: ProcessTable): Promise<boolean> {
  return (await membersOf(run, table)).length === 0 && (await membersOf(run, table)).length === 0;
}

async function sendAll(entries: readonly ProcessEntry[], signal: NodeJS.Signals, table: ProcessTable): Promise<void> {
  for (const entry of entries) {
    // It may have ended since the look, and its pid be another's now.
    if ((await table.get(entry.pid))?.startTicks === entry.startTicks) sendSignal(entry.pid, signal);
  }
}

/** One that has ended, or is another user's, is passed over: the next look tells what is left. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) === "ESRCH" || systemCode(error) === "EPERM") return;
    throw error;
  }
}
