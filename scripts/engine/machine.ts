import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { isDefaultAddress, pingEngine } from "./engine-address.ts";
import type { Machine } from "./plan.ts";

/** Where Debian keeps what only root runs; not always in PATH. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Looks at this machine. Changes nothing. */
export async function lookAtMachine(address: string): Promise<Machine> {
  return {
    address,
    ping: await pingEngine(address),
    local: isDefaultAddress(address),
    platform: process.platform,
    root: process.getuid?.() === 0,
    debian: isDebian(),
    systemd: existsSync("/run/systemd/system"),
    dockerd: findProgram("dockerd") !== undefined,
    iptables: findProgram("iptables") !== undefined,
  };
}

/** The path of an installed program. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Debian, Ubuntu, or made from one of them. */
export function isDebian(osReleaseFile = "/etc/os-release"): boolean {
  if (!existsSync(osReleaseFile)) return false;
  const lines = readFileSync(osReleaseFile, "utf8").split("\n");
  const words = lines.flatMap((line) => {
    const [, value = ""] = /^ID(?:_LIKE)?=(.*)$/.exec(line) ?? [];
    return value.replaceAll(/["']/g, "").split(" ");
  });
  return words.includes("debian") || words.includes("ubuntu");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
