import { readdir, readFile } from "node:fs/promises";
import { systemCode } from "./system-error.ts";

/** One process as the kernel shows it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks between boot and its start: with the pid, it names a process for as long as the machine is up. */
  readonly startTicks: number;
  /** One letter of proc(5): `T` is stopped, `Z` a zombie. */
  readonly state: string;
}

/** The processes of this machine. A process that ends while it is looked at is not there. */
export interface ProcessTable {
  /** Names this boot: pids and ticks of another one mean nothing. */
  bootId(): Promise<string>;
  list(): Promise<readonly ProcessEntry[]>;
  get(pid: number): Promise<ProcessEntry | undefined>;
  /** Whether it was started with `NAME=value` in its environment. False where that may not be read. */
  hasVariable(pid: number, variable: string): Promise<boolean>;
  /** Its real user. */
  userOf(pid: number): Promise<number | undefined>;
}

/**
 * Pure. What `/proc/PID/stat` says; undefined when it is something else. The name in parentheses may itself hold blanks and
 * parentheses, so the fields are counted from the last one.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function parseStat(text: string): ProcessEntry | undefined {
  const nameEnd = text.lastIndexOf(")");
  const pid = Number.parseInt(text, 10);
  const [state, parent, group, session, ...more] = text.slice(nameEnd + 2).split(" ");
  const startTicks = Number(more[15]);
  if (nameEnd < 0 || !(pid > 0) || state === undefined || !(startTicks >= 0)) return undefined;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), startTicks, state };
}

/** Linux's procfs. */
export const linuxProcesses: ProcessTable = {
  async bootId() {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  },
  async list() {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const entries = await Promise.all(pids.map((pid) => this.get(Number(pid))));
    return entries.filter((entry) => entry !== undefined);
  },
  async get(pid) {
    const text = await fileOf(pid, "stat");
    return text === undefined ? undefined : parseStat(text);
  },
  async hasVariable(pid, variable) {
    const text = await fileOf(pid, "environ");
    return text?.split("\0").includes(variable) ?? false;
  },
  async userOf(pid) {
    const uid = /^Uid:\s+(\d+)/m.exec((await fileOf(pid, "status")) ?? "")?.[1];
    return uid === undefined ? undefined : Number(uid);
  },
};

/** Undefined where it has ended, or is another user's. */
async function fileOf(pid: number, name: "stat" | "environ" | "status"): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (GONE.has(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);
