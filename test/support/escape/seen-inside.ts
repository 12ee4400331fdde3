import { ESCAPE } from "./image.ts";
import type { Inside } from "./inside.ts";

/** By number, as the kernel counts them: include/uapi/linux/capability.h. */
const CAPABILITIES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE".split(
    " ",
  );

/** What a process of the container reads about itself. */
export interface SeenInside {
  /** Effective ones, sorted; the bounding set is no larger. */
  readonly capabilities: readonly string[];
  readonly bounding: readonly string[];
  readonly noNewPrivileges: boolean;
  /** Whether a filter of system calls is in place. */
  readonly seccomp: boolean;
  /** Undefined where the kernel has no AppArmor. */
  readonly appArmor: string | undefined;
  readonly rootIsReadOnly: boolean;
  /** Mount points that can be written, without those of the kernel's own file systems. */
  readonly writable: readonly string[];
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly pids: number;
}

/** The kernel's own, which hold no files, and the small memory that every container has in /dev. */
const KERNELS = /^\/(proc|sys|dev)(\/|$)/;

export async function lookInside(inside: Inside): Promise<SeenInside> {
  const status = new Map(
    (await inside.read("/proc/self/status")).split("\n").map((line) => line.split(":\t") as [string, string]),
  );
  const mounts = (await inside.read("/proc/self/mountinfo")).trim().split("\n").map(parseMount);
  const root = mounts.find(({ path }) => path === "/");
  return {
    capabilities: capabilitiesOf(status.get("CapEff") ?? ""),
    bounding: capabilitiesOf(status.get("CapBnd") ?? ""),
    noNewPrivileges: status.get("NoNewPrivs") === "1",
    seccomp: status.get("Seccomp") === "2",
    appArmor: await appArmorOf(inside),
    rootIsReadOnly: root?.readOnly ?? false,
    writable: mounts
      .filter(({ path, readOnly }) => !readOnly && path !== "/" && !KERNELS.test(path))
      .map(({ path }) => path)
      .sort(),
    ...(await readLimits(inside)),
  };
}

/** `docker-default (enforce)`, for example. */
async function appArmorOf(inside: Inside): Promise<string | undefined> {
  const { output, exitCode } = await inside.run([ESCAPE, "read", "/proc/self/attr/apparmor/current"]);
  return exitCode === 0 ? output.trim() : undefined;
}

/** The number of a status file, to names. */
function capabilitiesOf(hex: string): readonly string[] {
  const bits = BigInt(`0x${hex}`);
  return CAPABILITIES.filter((_, number) => (bits >> BigInt(number)) & 1n).sort();
}

/** One line of mountinfo: the fifth field is where, the sixth how. */
function parseMount(line: string): { path: string; readOnly: boolean } {
  const [, , , , path = "", options = ""] = line.split(" ");
  return { path, readOnly: options.split(",").includes("ro") };
}

async function readLimits(inside: Inside): Promise<Pick<SeenInside, "cpuMillis" | "memoryMiB" | "pids">> {
  const read = async (...files: string[]) => {
    const texts = await Promise.allSettled(files.map((file) => inside.read(`/sys/fs/cgroup/${file}`)));
    const found = texts.find((text) => text.status === "fulfilled");
    if (!found) throw new Error(`the container has none of ${files.join(", ")}`);
    return found.value.trim();
  };
  // Version 2 has the first, where quota and period are in one file.
  const quota = await read("cpu.max", "cpu/cpu.cfs_quota_us");
  const period = quota.includes(" ") ? quota.split(" ")[1] : await read("cpu/cpu.cfs_period_us");
  const memory = await read("memory.max", "memory/memory.limit_in_bytes");
  const pids = await read("pids.max", "pids/pids.max");
  return {
    cpuMillis: (Number.parseInt(quota, 10) * 1_000) / Number(period),
    memoryMiB: Number(memory) / 2 ** 20,
    pids: Number(pids),
  };
}
