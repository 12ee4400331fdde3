import { readFile } from "node:fs/promises";
import { isLoopback } from "../engine/engine-address.ts";
import { familyOf } from "./addresses.ts";

/** The machine's own, and those behind systemd's local resolver: the Engine looks at the same two, in this order. */
const FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/** As many as the C library asks. */
const MOST = 3;

/** Resolvers of this machine that a container can reach, too; none where there are none. */
export async function machineResolvers(files: readonly string[] = FILES): Promise<readonly string[]> {
  for (const file of files) {
    const found = nameserversOf(await textOf(file)).filter((address) => !isLoopback(address));
    if (found.length > 0) return found.slice(0, MOST);
  }
  return [];
}

/** Pure. The addresses that a resolv.conf names. */
export function nameserversOf(text: string): string[] {
  const named = text.split("\n").map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1]);
  return named.filter((address) => address !== undefined && familyOf(address) !== undefined) as string[];
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
