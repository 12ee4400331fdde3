import { readFile } from "node:fs/promises";

/** Where the kernel lists them, a line each: `docker-default (enforce)`. Only root may read it. */
const LOADED = "/sys/kernel/security/apparmor/profiles";
/** As many as the status of a RuntimeBackend holds. */
const MAX_PROFILES = 1024;
/** What a status may hold of a name: `appArmorProfiles` of the RuntimeBackend's schema. */
const NAME = /^[-._a-zA-Z0-9/]{1,253}$/;

export interface AppArmorSource {
  /** `spec.docker.appArmorProfiles`. */
  readonly configured: readonly string[];
  /** Whether the Engine runs on this very machine, so that this kernel's list is its. */
  readonly isHere: boolean;
  readonly path?: string;
}

/** Names of the AppArmor profiles that are loaded on the Engine's machine, as far as is known; sorted. */
export async function loadedProfiles({
  configured,
  isHere,
  path = LOADED,
}: AppArmorSource): Promise<readonly string[]> {
  const seen = isHere ? parseProfiles(await readOrNothing(path)) : [];
  return [...new Set([...configured, ...seen])].sort().slice(0, MAX_PROFILES);
}

/** Pure. Those that only complain confine nothing, and are none. */
export function parseProfiles(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const [, name, mode] = /^(.+) \((\w+)\)$/.exec(line) ?? [];
    return name !== undefined && NAME.test(name) && mode !== "complain" && mode !== "unconfined" ? [name] : [];
  });
}

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // No AppArmor, no file system of it here, or not root: then nothing is known.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(code)) return "";
    throw error;
  }
}
