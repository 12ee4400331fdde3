import { linuxProcesses } from "../../../src/backends/process/supervisor/process-table.ts";

/** Pids of what runs with this variable of the environment, `NAME=value`, wherever it was started from. */
export async function processesWith(variable: string): Promise<number[]> {
  const found: number[] = [];
  for (const { pid, state } of await linuxProcesses.list()) {
    if (state !== "Z" && (await linuxProcesses.hasVariable(pid, variable))) found.push(pid);
  }
  return found.toSorted((a, b) => a - b);
}
