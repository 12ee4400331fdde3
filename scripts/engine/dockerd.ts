import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pingEngine } from "./engine-address.ts";
import { findProgram } from "./machine.ts";

/** A cold start on a slow machine, containerd included. */
const START_TIMEOUT_MS = 60_000;
const PID_FILE = "/var/run/docker.pid";

/** @throws {Error} with what systemd said. */
export async function startByService(address: string): Promise<void> {
  const { status, stderr, error } = spawnSync("systemctl", ["start", "docker"], { encoding: "utf8", timeout: 90_000 });
  if (status !== 0) {
    const said = error?.message ?? stderr.trim();
    throw new Error(`systemctl could not start the Docker Engine: ${said}\nSee:  journalctl -u docker -n 50`);
  }
  if (!(await answers(address, () => false))) {
    throw new Error(`the Docker Engine does not answer at ${address}.\nSee:  journalctl -u docker -n 50`);
  }
}

/**
 * Starts `dockerd` in a session of its own, so that it outlives this program and its terminal.
 * @throws {Error} with the end of its log, and a hint where the cause is known.
 */
export async function startDaemon(
  address: string,
  { logFile, args = [] }: { logFile: string; args?: readonly string[] },
): Promise<void> {
  removeStalePidFile();
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, "w");
  const child = spawn(findProgram("dockerd") ?? "dockerd", args, { detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  let ended = false;
  child.once("error", () => {
    ended = true;
  });
  child.once("exit", () => {
    ended = true;
  });
  child.unref();
  if (await answers(address, () => ended)) return;
  const text = readFileSync(logFile, "utf8");
  throw new Error(`dockerd did not start. The end of ${logFile}:\n${tail(text)}${hint(text)}`);
}

/** Where the log of an Engine started here goes: the XDG base directory for state. */
export function daemonLogFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "slipway", "dockerd.log");
}

/** Another program may start it at the same time: our own try ends then, and the other's Engine is as good. */
async function answers(address: string, ended: () => boolean): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const over = (ended() && !daemonRuns()) || Date.now() > deadline;
    if ((await pingEngine(address)).kind === "answers") return true;
    if (over) return false;
    await sleep(100);
  }
}

/** A machine or container that was switched off leaves the file behind, and dockerd trusts it when any process has that ID. */
function removeStalePidFile(): void {
  if (!daemonRuns()) rmSync(PID_FILE, { force: true });
}

function daemonRuns(): boolean {
  try {
    const pid = readFileSync(PID_FILE, "utf8").trim();
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "dockerd";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function tail(text: string): string {
  return text.trim().split("\n").slice(-10).join("\n");
}

/** The usual causes, by the words that dockerd uses for them. */
function hint(log: string): string {
  if (/permission denied|operation not permitted/i.test(log)) {
    return "\nIn a container the Engine needs --privileged; or mount the host's socket at /var/run/docker.sock.";
  }
  if (/iptables/i.test(log)) {
    return "\niptables failed: install the package iptables, and load the kernel's modules ip_tables and iptable_nat.";
  }
  if (/devices cgroup isn't mounted|cgroup/i.test(log)) {
    return "\nNo control groups are mounted:  apt-get install -y cgroupfs-mount && cgroupfs-mount";
  }
  return "";
}
