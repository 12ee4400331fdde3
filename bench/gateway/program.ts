import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { LoadResult } from "./load.ts";

const LOAD_TIMEOUT_MS = 180_000;
/** A clock tick of /proc/PID/stat on Linux. */
const TICK_MS = 10;

export interface Load {
  readonly clients: number;
  readonly calls: number;
  /** What a client speaks: with a session each, or without. */
  readonly wire: "session" | "bare";
}

/** Calls that server's tool `echo` from a process of its own. */
export async function load(url: string, { clients, calls, wire }: Load): Promise<LoadResult> {
  const args = [join(import.meta.dirname, "load.ts"), url, String(clients), String(calls), wire];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: LOAD_TIMEOUT_MS });
  return JSON.parse(stdout) as LoadResult;
}

export interface Program extends AsyncDisposable {
  readonly url: string;
  /** User and system time so far. */
  cpuMs(): number;
}

/** User and system time of a process so far, with all its threads. */
export function cpuMsOf(pid: number | undefined): number {
  const [, user = 0, system = 0] = /\) (?:\S+ ){11}(\d+) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  return (Number(user) + Number(system)) * TICK_MS;
}

/** Runs a file of this folder, which prints the URL that it serves. */
export async function start(file: string, ...args: string[]): Promise<Program> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error(`${file}: no output`);
  const [url] = (await once(createInterface(child.stdout), "line")) as [string];
  return {
    url,
    cpuMs: () => cpuMsOf(child.pid),
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
