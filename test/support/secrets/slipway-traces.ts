import { readdirSync } from "node:fs";
import type { SlipwayProcess } from "../slipway-process.ts";
import { apiTraces, fileTraces, textOf } from "./api-traces.ts";
import type { Trace } from "./secret-watch.ts";

/** All that a running `slipway up` shows: its log, its API but for Secrets, metrics, processes, and its files. */
export async function slipwayTraces(slipway: SlipwayProcess): Promise<readonly Trace[]> {
  const { pid, dataDir, endpoints } = slipway;
  const metrics = await (await fetch(`${endpoints.metrics}/metrics`)).text();
  return [
    outputTrace(slipway),
    { where: "metrics", text: metrics },
    ...(await apiTraces(slipway.kubectl)),
    ...(pid === undefined ? [] : familyOf(pid).flatMap(processTraces)),
    ...fileTraces(dataDir),
  ];
}

/** It stays when the process has ended. */
export function outputTrace({ output }: SlipwayProcess): Trace {
  return { where: "the log of slipway", text: output };
}

/** A process and all that it started. */
function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const stat = /^\d+$/.test(entry) ? textOf(`/proc/${entry}/stat`) : "";
    // The name, in brackets, may hold anything; state and parent follow.
    const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

function processTraces(pid: number): Trace[] {
  return ["cmdline", "environ"].map((file) => ({ where: `/proc/PID/${file}`, text: textOf(`/proc/${pid}/${file}`) }));
}
