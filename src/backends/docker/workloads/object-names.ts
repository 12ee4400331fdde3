import { createHash } from "node:crypto";
import type { Owner, Workload } from "../../backend.ts";

/** As much of a deployment's name as still reads well; a container's name must also fit a DNS label. */
const NAME_LENGTH = 40;

/**
 * Volumes whose content Slipway wrote go by this; they hold nothing that is worth keeping. The underscore tells them
 * from the data of a deployment, whose name cannot have one.
 */
const FILES_PREFIX = "slipway_files_";

/**
 * Name of a container. It follows from the UID, so that the Engine itself refuses a second one whenever the reply to
 * the first creation was lost.
 */
export function containerName(owner: Owner, role: Workload["role"]): string {
  const suffix = role === "candidate" ? "-candidate" : "";
  return `slipway-${owner.name.slice(0, NAME_LENGTH)}-${shortUid(owner)}${suffix}`;
}

/** Name of the container through which files are written into volumes. */
export function helperName(owner: Owner, role: Workload["role"]): string {
  return `${containerName(owner, role)}-files`;
}

/** Name of the container that holds a workload's network. */
export function sandboxName(owner: Owner, role: Workload["role"]): string {
  return `${containerName(owner, role)}-sandbox`;
}

/** Name of one client's own process of a workload. */
export function ownProcessName(owner: Owner, role: Workload["role"], unique: string): string {
  return `${containerName(owner, role)}-own-${unique}`;
}

/** Name of a deployment's own volume. It holds the whole UID: the Engine shares a volume with whoever names it. */
export function volumeName(owner: Owner, mount: string): string {
  return `slipway-${owner.name.slice(0, NAME_LENGTH)}-${owner.uid}-${mount}`;
}

/** Name of a volume for the files of one mount of one revision; another revision may run beside it. */
export function filesVolumeName(owner: Owner, mount: string, specHash: string): string {
  const revision = createHash("sha256").update(specHash).digest("hex").slice(0, 12);
  return `${FILES_PREFIX}${owner.uid}-${mount}-${revision}`;
}

export function isFilesVolume(name: string): boolean {
  return name.startsWith(FILES_PREFIX);
}

function shortUid(owner: Owner): string {
  return owner.uid.replaceAll("-", "").slice(0, 8);
}
