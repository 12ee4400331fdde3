import { realpath } from "node:fs/promises";
import { posix } from "node:path";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { Mount } from "../../backend.ts";

/**
 * What gives root on the Engine's machine to whoever can write or even read it, whatever a RuntimeBackend allows: the
 * path itself, what is above it (which contains it) and what is below it.
 */
const CLOSED = [
  "/proc",
  "/sys",
  "/dev",
  "/etc",
  "/boot",
  "/var/run",
  "/run",
  "/var/lib/docker",
  "/var/lib/containerd",
  "/var/lib/kubelet",
];

/**
 * Checks a host path against `spec.docker.allowedHostPaths`, by whole segments, and against what nobody may mount.
 * @param engineSocket where the Engine itself listens, if that is a path.
 * @throws {TerminalError} `VolumeNotAllowed`
 */
export function admitHostPath(
  mount: Mount & { kind: "hostPath" },
  { allowed, engineSocket }: { allowed: readonly string[]; engineSocket: string | undefined },
): void {
  const { hostPath, name } = mount;
  if (!posix.isAbsolute(hostPath)) throw refused(name, hostPath, "must be absolute");
  const path = clean(hostPath);
  for (const closed of engineSocket ? [...CLOSED, clean(engineSocket)] : CLOSED) {
    if (isWithin(path, closed) || isWithin(closed, path))
      throw refused(
        name,
        hostPath,
        `would give control over the Engine's machine (${closed}); no backend may allow it`,
      );
  }
  if (allowed.some((prefix) => isWithin(path, clean(prefix)))) return;
  const remedy =
    allowed.length === 0
      ? "the backend allows no host paths; use a volume, or ask for spec.docker.allowedHostPaths"
      : `is not below one of the backend's allowedHostPaths (${allowed.join(", ")})`;
  throw refused(name, hostPath, remedy);
}

/**
 * The same for where the path really leads, as far as that can be seen from here: below an allowed directory somebody
 * may have put a symbolic link. On an Engine elsewhere, or where this process has another view of the files, nothing is
 * found, and the administrator's choice of what to allow has to be enough.
 */
export async function admitRealHostPath(
  mount: Mount & { kind: "hostPath" },
  rules: { allowed: readonly string[]; engineSocket: string | undefined },
): Promise<void> {
  if (rules.engineSocket === undefined) return;
  const real = await follow(mount.hostPath);
  if (real === undefined || real === clean(mount.hostPath)) return;
  const prefixes = await Promise.all(rules.allowed.map(async (prefix) => (await follow(prefix)) ?? prefix));
  admitHostPath({ ...mount, hostPath: real }, { ...rules, allowed: prefixes });
}

async function follow(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return undefined;
    throw error;
  }
}

function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 ? normal.replace(/\/+$/, "") : normal;
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === "/" || path.startsWith(`${directory}/`);
}

function refused(name: string, hostPath: string, problem: string): TerminalError {
  return new TerminalError(
    Reason.VolumeNotAllowed,
    `spec.volumes[${name}].hostPath.path: ${JSON.stringify(hostPath)} ${problem}`,
  );
}
