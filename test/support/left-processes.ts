import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { processPlaces } from "../../src/cli/process-places.ts";
import { eventually } from "./eventually.ts";

/** Where a Slipway of root keeps what its processes see, outside of its data directory. */
export function seenByProcesses(installation: string, dataDir: string): string {
  const places = { installation, dataDir, isRoot: true, environment: process.env, backend: "process" };
  return dirname(processPlaces(places).sharedDirectory);
}

/** Ends what a Slipway that was killed has left running in a folder of its own, and removes that. */
export async function removeLeft(folder: string): Promise<void> {
  await eventually("nothing runs there", async () => {
    const left = await runningIn(folder);
    for (const pid of left) endNow(pid);
    return left.length === 0;
  });
  await rm(folder, { recursive: true, force: true });
}

/** Pids of processes that work there, or were told of it, as their sandbox is. */
export async function runningIn(folder: string): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const names = (pid: number) =>
    Promise.all([readlink(`/proc/${pid}/cwd`), readFile(`/proc/${pid}/cmdline`, "utf8")]).catch(() => []);
  const found = await Promise.all(
    pids.map(async (pid) => (await names(pid)).some((text) => text.includes(`${folder}/`))),
  );
  return pids.filter((_pid, at) => found[at]);
}

function endNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
