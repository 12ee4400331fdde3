import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The `slipway up` that `make run` starts in the background, and everything it keeps. */
export const DATA_DIR = ".slipway";
export const PID_FILE = `${DATA_DIR}/run.pid`;
export const LOG_FILE = `${DATA_DIR}/run.log`;
export const KUBECONFIG = `${DATA_DIR}/kubeconfig`;

/** The process ID of the server that `make run` started, if it still runs. */
export function runningPid(): number | undefined {
  if (!existsSync(PID_FILE)) return undefined;
  const pid = Number(readFileSync(PID_FILE, "utf8"));
  return isSlipway(pid) ? pid : undefined;
}

/** Asks the server to drain, and waits until it has ended. */
export async function stopServer(pid: number): Promise<void> {
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + 30_000;
  while (isSlipway(pid)) {
    if (Date.now() > deadline) throw new Error(`process ${pid} did not end within 30 s; see ${LOG_FILE}`);
    await sleep(100);
  }
}

/** A process ID can have been given to another program since it was written down. */
function isSlipway(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const commandLine = `/proc/${pid}/cmdline`;
  return !existsSync(commandLine) || readFileSync(commandLine, "utf8").includes("dist/main.js");
}
