import { readFile } from "node:fs/promises";
import type { Clock } from "../../machinery/clock.ts";
import { delay } from "../../machinery/clock-delay.ts";
import type { Usage } from "../usage.ts";
import type { SupervisedProcess } from "./supervisor/supervised-process.ts";

/** Between two samples: long enough for a server that works now and then, short enough for who waits. */
const SPAN_MS = 1_000;
/** USER_HZ, the unit of times in procfs: 100 on every architecture that Node runs on. */
const TICK_MS = 10;
const KIB = 1024;

interface Sample {
  readonly ticks: number;
  readonly memoryBytes: number;
  readonly atMs: number;
}

/** What all processes of a workload use, by two samples a second apart. Memory that they share is divided among them. */
export async function processUsage(
  process: Pick<SupervisedProcess, "members" | "state">,
  clock: Clock,
  signal: AbortSignal,
): Promise<Usage> {
  if (process.state.kind !== "running") return { instances: 0, cpuMillis: 0, memoryBytes: 0 };
  const before = await sample(process, clock);
  await delay(clock, SPAN_MS, signal);
  signal.throwIfAborted();
  const after = await sample(process, clock);
  // A process that has ended in between takes its time with it.
  const usedMs = Math.max(0, after.ticks - before.ticks) * TICK_MS;
  const cpuMillis = Math.round((usedMs / Math.max(1, after.atMs - before.atMs)) * 1000);
  return { instances: 1, cpuMillis, memoryBytes: after.memoryBytes };
}

async function sample(process: Pick<SupervisedProcess, "members">, clock: Clock): Promise<Sample> {
  const used = await Promise.all((await process.members()).map(({ pid }) => usedBy(pid)));
  const sum = (pick: (one: { ticks: number; memoryBytes: number }) => number) =>
    used.reduce((total, one) => total + pick(one), 0);
  return { ticks: sum(({ ticks }) => ticks), memoryBytes: sum((one) => one.memoryBytes), atMs: clock.monotonicMs() };
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: utime and stime, counted from behind the name. */
async function usedBy(pid: number): Promise<{ ticks: number; memoryBytes: number }> {
  const [stat, memory] = await Promise.all([textOf(pid, "stat"), textOf(pid, "smaps_rollup")]);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const kib = Number(/^Pss:\s+(\d+)/m.exec(memory)?.[1] ?? 0);
  return { ticks: Number(fields[11] ?? 0) + Number(fields[12] ?? 0), memoryBytes: kib * KIB };
}

/** Empty where it has ended, or may not be read: that part is not counted. */
async function textOf(pid: number, name: "stat" | "smaps_rollup"): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
